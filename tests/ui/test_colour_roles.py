"""The contrast the look promises, recomputed."""

from __future__ import annotations

import pytest

from app.ui.roles import DARK, LIGHT, contrast

TEXT = ("text", "text2", "muted", "accent", "ok", "warning", "error", "info", "master", "replica")
UNDER = ("surface", "background", "sunken", "hover", "selection", "selection_other")


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_keeps_four_and_a_half_on_everything_it_is_painted_on(palette):
    low = {
        (role, under): round(contrast(palette[role], palette[under]), 2)
        for role in TEXT
        for under in UNDER
        if contrast(palette[role], palette[under]) < 4.5
    }
    assert low == {}


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_roles_keep_four_and_a_half_on_their_soft_fill(palette):
    for role in ("accent", "ok", "warning", "error", "info", "master", "replica"):
        assert contrast(palette[role], palette[f"{role}_soft"]) >= 4.5, role


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_graphics_and_field_borders_keep_three(palette):
    for role in ("marker", "marker_gray", "warning_fill", "strong", *(f"series{n}" for n in range(1, 6))):
        assert contrast(palette[role], palette["surface"]) >= 3, role


def test_both_themes_have_the_same_roles():
    assert set(LIGHT) == set(DARK)
