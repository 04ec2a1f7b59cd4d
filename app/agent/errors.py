"""How errors cross the wire: an `ArcxoError` as code, parameters and exit code, all else as a bug."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from app.agent.convert import to_text
from app.agent.generated import agent_pb2 as pb
from app.agent.refused import refused
from app.model.errors import (
    ArcxoError,
    BusyError,
    CanceledError,
    CredentialsError,
    ExitCode,
    NotFoundError,
    UsageError,
)

_METADATA_KEY = "arcxo-error-bin"
_PARAM_MAX = 500
_PARAMS_MAX = 12
_KINDS: dict[ExitCode, type[ArcxoError]] = {
    kind.default_exit: kind
    for kind in (ArcxoError, UsageError, CredentialsError, NotFoundError, BusyError, CanceledError)
}
_STATUS = {
    ExitCode.USAGE: grpc.StatusCode.INVALID_ARGUMENT,
    ExitCode.CREDENTIALS: grpc.StatusCode.UNAUTHENTICATED,
    ExitCode.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    ExitCode.BUSY: grpc.StatusCode.FAILED_PRECONDITION,
    ExitCode.CANCELED: grpc.StatusCode.CANCELLED,
}
_log = logging.getLogger("arcxo.agent.calls")


def error_of(code: str, exit_code: int, params: dict[str, str]) -> ArcxoError:
    """The error of the right kind; an exit code nobody knows counts as *failed*."""
    try:
        known = ExitCode(exit_code)
    except ValueError:
        known = ExitCode.FAILED
    kind = _KINDS.get(known, ArcxoError)
    error = kind.__new__(kind)
    ArcxoError.__init__(error, code, exit_code=known, **params)
    return error


def bug(error: BaseException, where: str) -> ArcxoError:
    """An exception nobody foresaw, as AE1099; the log has its stack. What a disk refused is AE1090."""
    if (refusal := refused(error, "the home")) is not None:
        return refusal
    _log.error("bug in %s", where, exc_info=error)
    return ArcxoError("AE1099", where=where, error=f"{type(error).__name__}: {error}")


def abort(context: grpc.ServicerContext, error: ArcxoError) -> NoReturn:
    """End the call with `error`."""
    params = list(error.params.items())[:_PARAMS_MAX]
    detail = pb.ErrorDetail(
        code=error.code,
        exit_code=int(error.exit_code),
        params={to_text(key): to_text(value)[:_PARAM_MAX] for key, value in params},
    )
    context.set_trailing_metadata(((_METADATA_KEY, detail.SerializeToString()),))
    context.abort(_STATUS.get(error.exit_code, grpc.StatusCode.ABORTED), error.code)
    raise AssertionError


def timed_out(request: Any, host: str, call: str, timeout_s: float) -> BusyError:
    """Not answered in time: AE0469 where the request is about a scenario, else AE1027."""
    scenario_id = getattr(request, "scenario_id", 0)
    if scenario_id:
        name, seconds = str(scenario_id), f"{timeout_s:.3g}"
        return BusyError("AE0469", name=name, id=scenario_id, host=host, call=call, seconds=seconds)
    return BusyError("AE1027", host=host, call=call, seconds=f"{timeout_s:.3g}")


def wrong_parameters(request: Any, call: str, error: ArcxoError) -> ArcxoError:
    """An AE1007 about a scenario as AE0468, which jobs know; the agent's log has what was wrong."""
    scenario_id = getattr(request, "scenario_id", 0)
    if not scenario_id:
        return error
    _log.warning("%s for scenario %s: %s", call, scenario_id, error.params)
    return UsageError("AE0468", name=str(scenario_id), id=scenario_id)


def from_rpc_error(
    error: grpc.RpcError, host: str, call: str, timeout_s: float, request: Any = None
) -> ArcxoError:
    """What a failed call means for its caller."""
    known: Any = error
    for key, value in known.trailing_metadata() or ():
        if key == _METADATA_KEY and isinstance(value, bytes):
            try:
                detail = pb.ErrorDetail.FromString(value)
            except DecodeError:
                break
            return error_of(detail.code, detail.exit_code, dict(detail.params))
    status, details = known.code(), str(known.details() or "")
    if status is grpc.StatusCode.DEADLINE_EXCEEDED:
        return timed_out(request, host, call, timeout_s)
    if status is grpc.StatusCode.UNAVAILABLE:
        # What gRPC says of its addresses stands before the cause.
        reason = details.rpartition("last error: ")[2].removeprefix("UNKNOWN: ")
        return ArcxoError("AE1001", host=host, reason=reason)
    if status is grpc.StatusCode.CANCELLED:
        return CanceledError("AE1008", call=call, host=host)
    if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return BusyError("AE1009", call=call, host=host, reason=details)
    return ArcxoError("AE1099", where=f"{call} on {host}", error=f"{status}: {details}")
