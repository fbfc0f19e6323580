"""`toolcrib tools`, `agents`, `runs`: what the current release offers, and what ran."""

import asyncio
from datetime import datetime
from typing import Annotated, Literal

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import backend
from toolcrib.cli.exit_codes import OK, UsageProblem
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json
from toolcrib.core.errors import AgentNotFound, NotFound, ToolNotFound
from toolcrib.core.names import did_you_mean

ActionArgument = Annotated[Literal["list", "show"], typer.Argument(help="List all, or show one.")]
NameArgument = Annotated[str, typer.Argument(help="Whose details to show.", show_default=False)]


def tools(
    action: Annotated[
        Literal["list", "show", "explain"],
        typer.Argument(help="List all, show one, or explain where each part of its policy comes from."),
    ] = "list",
    name: NameArgument = "",
    *,
    agent: Annotated[str, typer.Option(help="Explain the policy for calls of this agent.", show_default=False)] = "",
    tenant: Annotated[str, typer.Option(help="Explain the policy for this tenant.", show_default=False)] = "",
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the tools of the current release, show one (schema, policy, where it is defined), or explain its policy."""
    options = Common(project=project, url=url, json=json)
    if action == "explain":
        return _explain(asyncio.run(_tool(options, name, agent, tenant)), options)
    found = asyncio.run(_tools(options))
    if action == "show":
        return _show_tool(_pick(found, name, ToolNotFound), options)
    if options.json:
        output.as_json(found)
    else:
        rows = [(tool["name"], _signature(tool), _first_line(tool["description"]), _place(tool)) for tool in found]
        output.table(rows, head=("tool", "arguments", "description", "where"))
    return OK


def agents(
    action: ActionArgument = "list",
    name: NameArgument = "",
    *,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the agents of the current release, or show one: model, prompt as it is sent, tools, limits."""
    found = asyncio.run(_agents(Common(project=project, url=url, json=json)))
    if action == "show":
        output.as_json(_pick(found, name, AgentNotFound))
    elif json:
        output.as_json(found)
    else:
        rows = [(agent["name"], agent["kind"], agent["model"], ", ".join(agent["tools"])) for agent in found]
        output.table(rows, head=("agent", "kind", "model", "tools"))
    return OK


def runs(
    action: Annotated[Literal["list"], typer.Argument(help="List them.")] = "list",
    *,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the newest runs, with the release each is pinned to, and count all."""
    ledger = asyncio.run(_ledger(Common(project=project, url=url, json=json)))
    if json:
        output.as_json(ledger)
    else:
        rows = [
            (run["run_id"], run["agent"], run["status"], f"r-{run['release'][:8]}", _time(run["started_at"]))
            for run in ledger["runs"]
        ]
        output.table(rows, head=("run", "agent", "status", "release", "started"))
        output.note(", ".join(f"{count} {name}" for name, count in ledger["summary"].items()))
    return OK


def _show_tool(tool: Json, options: Common) -> int:
    if options.json:
        output.as_json(tool)
        return OK
    output.data(f"{tool['name']}  ({tool['kind']}, {_place(tool)}, digest {tool['digest']})")
    for line in str(tool["description"]).splitlines():
        output.data(f"  {line}")
    for title, key in (("arguments", "args_schema"), ("result", "result_schema"), ("policy", "policy")):
        output.data(f"{title}: {output.plain(tool[key])}")
    return OK


def _explain(tool: Json, options: Common) -> int:
    """The effective policy, field by field, with the place each value comes from."""
    sources = tool["sources"]
    policy = {
        field: {"value": value, "from": sources.get(field, "built-in default")}
        for field, value in tool["policy"].items()
    }
    if options.json:
        output.as_json({"tool": tool["name"], "scope": tool["scope"], "policy": policy})
        return OK
    rows = [(field, _short(said["value"]), said["from"]) for field, said in policy.items()]
    output.table(rows, head=("policy", "value", "comes from"))
    return OK


def _short(value: object) -> str:
    """A policy's value on one line; `-` where there is none."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(inner)}" for key, inner in value.items() if inner not in (None, [], ""))
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "-"
    return "-" if value in (None, "") else str(value)


async def _tool(options: Common, name: str, agent: str, tenant: str) -> Json:
    if not name:
        raise UsageProblem("Which tool's policy?", hint="Add its name.")
    async with backend(options) as source:
        return await source.tool(name, agent=agent, tenant=tenant)


async def _tools(options: Common) -> list[Json]:
    async with backend(options) as source:
        return await source.tools()


async def _agents(options: Common) -> list[Json]:
    async with backend(options) as source:
        return await source.agents()


async def _ledger(options: Common) -> Json:
    async with backend(options, deploy=False) as source:
        return await source.ledger()


def _pick(found: list[Json], name: str, error: type[NotFound]) -> Json:
    if not name:
        raise UsageProblem("Whose details?", hint="Add a name.")
    for item in found:
        if item["name"] == name:
            return item
    kind = "tool" if error is ToolNotFound else "agent"
    raise error(f"There is no {kind} named {name!r}.", hint=did_you_mean(name, [str(item["name"]) for item in found]))


def _signature(tool: Json) -> str:
    schema = tool["args_schema"]
    required = set(schema.get("required", ()))
    return ", ".join(name if name in required else f"[{name}]" for name in schema.get("properties", {}))


def _place(tool: Json) -> str:
    return f"{tool['file']}:{tool['line']}"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def _time(stamp: float) -> str:
    return datetime.fromtimestamp(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
