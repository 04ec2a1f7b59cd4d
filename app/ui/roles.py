"""Colour roles of both themes: the only place with hex values. Names are those of the look's section 4."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "text": "#1A202B",
        "text2": "#434C5C",
        "muted": "#5D6778",
        "accent": "#2A56C6",
        "accent_soft": "#E7EDFB",
        "ok": "#1B7440",
        "ok_soft": "#E2F3E8",
        "warning": "#8A5600",
        "warning_soft": "#FBF0D9",
        "error": "#B92B27",
        "error_soft": "#FBE9E7",
        "info": "#1B6590",
        "info_soft": "#E3F0F7",
        "master": "#6440C2",
        "master_soft": "#EEE9FA",
        "replica": "#0A706C",
        "replica_soft": "#DDF2EF",
        "muted_soft": "#E7E9EE",
        "marker": "#1B7F47",
        "marker_gray": "#7B8494",
        "warning_fill": "#B97100",
        "strong": "#7A8393",
        "background": "#F3F4F7",
        "surface": "#FFFFFF",
        "sunken": "#F7F8FA",
        "raised": "#FFFFFF",
        "track": "#E4E7EC",
        "accent_fill": "#2A56C6",
        "accent_hover": "#2149AD",
        "on_accent": "#FFFFFF",
        "border": "#D9DDE4",
        "divider": "#E9EBEF",
        "hover": "#F1F3F6",
        "selection": "#DEE7FB",
        "selection_other": "#E7E9EE",
        "disabled": "#9AA2B0",
        "series1": "#3565D0",
        "series2": "#2F8F82",
        "series3": "#A9741A",
        "series4": "#8262BE",
        "series5": "#7B8494",
    }
)

DARK: Mapping[str, str] = MappingProxyType(
    {
        "text": "#E6E9EF",
        "text2": "#BCC4D0",
        "muted": "#98A2B2",
        "accent": "#86A9FF",
        "accent_soft": "#25304A",
        "ok": "#5FC98C",
        "ok_soft": "#1D3328",
        "warning": "#E3AE52",
        "warning_soft": "#38301F",
        "error": "#FF8C82",
        "error_soft": "#41262A",
        "info": "#6FB9E4",
        "info_soft": "#1E3341",
        "master": "#B59DFF",
        "master_soft": "#302A48",
        "replica": "#58CDC4",
        "replica_soft": "#1C3635",
        "muted_soft": "#2A303A",
        "marker": "#4FBF7E",
        "marker_gray": "#8A94A5",
        "warning_fill": "#E3AE52",
        "strong": "#7C879A",
        "background": "#15181D",
        "surface": "#1B1F25",
        "sunken": "#181B21",
        "raised": "#242933",
        "track": "#2E3540",
        "accent_fill": "#3A66D6",
        "accent_hover": "#4470DA",
        "on_accent": "#FFFFFF",
        "border": "#333A46",
        "divider": "#282E38",
        "hover": "#22272F",
        "selection": "#27365A",
        "selection_other": "#2A303A",
        "disabled": "#646E7E",
        "series1": "#7DA2FF",
        "series2": "#55C7B8",
        "series3": "#DDAE5A",
        "series4": "#B79BF0",
        "series5": "#8A94A5",
    }
)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two `#RRGGBB` colours by WCAG 2 (1 to 21)."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
