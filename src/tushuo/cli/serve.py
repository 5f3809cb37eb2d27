"""``tushuo serve``."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from tushuo.cli.flags import flags_of, with_given
from tushuo.cli.options import WHOLE_NUMBER, Weights
from tushuo.cli.runs import NO_MODEL, Device, Model, ModelLanguage, Runs, open_captioner
from tushuo.serve.limits import Limits

PACKAGES = ("starlette", "uvicorn", "python_multipart", "prometheus_client")
_GROUP = Group("Limits", help="What requests may cost; see docs/serve.md.")
LimitFlags = flags_of(Limits)
if TYPE_CHECKING:
    LimitOptions = Any  # mypy does not know classes made at run time
else:
    LimitOptions = Annotated[LimitFlags, Parameter(name="*", group=_GROUP)]
DEFAULT_LIMITS = LimitFlags()


def serve(
    *,
    run: Runs = None,
    language: ModelLanguage = None,
    weights: Weights = None,
    device: Device = "cpu",
    host: Annotated[
        str, Parameter(help="address to bind; others than this machine's require --api-key-file")
    ] = "127.0.0.1",
    port: Annotated[int, WHOLE_NUMBER, Parameter(help="port to bind; 0: a free one")] = 8000,
    api_key_file: Annotated[
        Path | None, Parameter(help="file of API keys, one a line, one of which requests must have")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        Parameter(help="another name that requests may call this service by", negative=""),
    ] = None,
    log_requests: Annotated[
        bool, Parameter(help="log each request on stderr: route, status and time, no content")
    ] = True,
    model: Model = NO_MODEL,
    limits: LimitOptions = DEFAULT_LIMITS,
) -> int:
    """Caption pictures over HTTP, for other programs; see docs/serve.md.

    Prints its address when it is ready. SIGTERM and Ctrl-C end it as soon as the requests that were
    accepted are answered.

    Example: tushuo serve --run run --port 8000
    """
    _require_packages()
    from tushuo.serve.access import Access, allowed_hosts, read_keys

    keys = read_keys(api_key_file) if api_key_file else []
    hosts = allowed_hosts(host, more=allow_host or (), has_keys=bool(keys))
    accepted = with_given(Limits(), limits)

    from tushuo.captioning.captioner import Captioner
    from tushuo.serve.server import serve as serve_until_stopped
    from tushuo.serve.service import Service

    def load_captioner() -> Captioner:
        return open_captioner(run, model, language=language, weights=weights, device=device)

    service = Service(
        load_captioner,
        limits=accepted,
        access=Access(keys=keys, hosts=hosts),
        log_requests=log_requests,
    )
    serve_until_stopped(service, host=host, port=port, on_ready=_print_address)
    return 0


def _print_address(address: str) -> None:
    print(f"{address}: ready", file=sys.stderr, flush=True)


def _require_packages() -> None:
    from tushuo.errors import MissingPartError

    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingPartError(
            f"serve requires {', '.join(missing)}, which is not installed; run: "
            "pip install 'tushuo[serve]'"
        )
