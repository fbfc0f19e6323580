"""`toolcrib tools`, `agents`, `experiments`, `runs`: what the current release offers, and what ran."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import ask
from toolcrib.cli.draining import resume
from toolcrib.cli.exit_codes import OK, UsageProblem
from toolcrib.cli.money import dollars
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json
from toolcrib.core.errors import AgentNotFound, NotFound, ToolNotFound
from toolcrib.core.names import did_you_mean
from toolcrib.core.redaction import fields_of

ActionArgument = Annotated[Literal["list", "show"], typer.Argument(help="List all, or show one.")]
NameArgument = Annotated[str, typer.Argument(help="Whose details to show.", show_default=False)]


def tools(
    action: Annotated[
        Literal["list", "show", "explain", "errors"],
        typer.Argument(help="List all, show one, explain where its policy comes from, or list its last errors."),
    ] = "list",
    name: NameArgument = "",
    *,
    agent: Annotated[str, typer.Option(help="Explain the policy for calls of this agent.", show_default=False)] = "",
    tenant: Annotated[
        str | None,
        typer.Option(help="What this tenant sees: its tools, their policy; or its errors.", show_default=False),
    ] = None,
    user: Annotated[str, typer.Option(help="Explain what this user of the tenant gets.", show_default=False)] = "",
    thread: Annotated[str, typer.Option(help="Explain what this thread gets.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(help="List so many errors, the newest.", min=1, max=1000)] = 50,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the tools of the release, show one (schema, policy, place), explain where it comes from, list its errors."""
    options = Common(project=project, url=url, json=json)
    if action == "explain":
        if not name:
            raise UsageProblem("Which tool's policy?", hint="Add its name.")
        who = {"agent": agent, "tenant": tenant or "", "user": user, "thread_id": thread}
        return _explain(ask(options, lambda source: source.tool(name, **who)), options)
    if action == "errors":
        if not name:
            raise UsageProblem("Which tool's errors?", hint="Add its name.")
        errors = ask(options, lambda source: source.tool_errors(name, tenant=tenant, limit=limit), deploy=False)
        return _list_errors(errors, options)
    found = ask(options, lambda source: source.tools(tenant or ""))
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
    tenant: Annotated[str, typer.Option(help="As this tenant sees them.", show_default=False)] = "",
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the agents of the current release, or show one: model, prompt as it is sent, tools, limits."""
    found = ask(Common(project=project, url=url, json=json), lambda source: source.agents(tenant))
    if action == "show":
        output.as_json(_pick(found, name, AgentNotFound))
    elif json:
        output.as_json(found)
    else:
        rows = [
            (agent["name"], agent["kind"], models_cell(agent["model"]), ", ".join(agent["tools"])) for agent in found
        ]
        output.table(rows, head=("agent", "kind", "model", "tools"))
    return OK


def models_cell(model: str | Json) -> str:
    """An agent's models in one cell: its tiers, and what it falls back to."""
    if isinstance(model, str):
        return model
    tiers = [f"{tier} {_name(model[tier])}" for tier in ("simple", "medium", "complex") if model.get(tier)]
    return ", ".join([*tiers, *(f"else {_name(one)}" for one in model.get("fallback", ()))])


def _name(model: str | Json) -> str:
    return model if isinstance(model, str) else str(model["model"])


def runs(
    action: Annotated[
        Literal["list", "resume"], typer.Argument(help="List them, or let one that was stopped go on.")
    ] = "list",
    run: Annotated[str, typer.Argument(help="Id of the run.", show_default=False)] = "",
    *,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the newest runs, with the release each is pinned to, and count all; or let a stopped one go on."""
    if action == "resume":
        return resume(run, Common(project=project, url=url, json=json))
    ledger = ask(Common(project=project, url=url, json=json), lambda source: source.ledger(), deploy=False)
    if json:
        output.as_json(ledger)
    else:
        rows = [
            (
                *(one[name] for name in ("run_id", "agent", "status")),
                f"r-{one['release'][:8]}",
                _time(one["started_at"]),
                dollars(one.get("cost_usd")),
                _arms(one),
            )
            for one in ledger["runs"]
        ]
        head = ("run", "agent", "status", "release", "started", "cost", "variants")
        shown = len(head) if any(row[-1] for row in rows) else len(head) - 1
        output.table([row[:shown] for row in rows], head=head[:shown])
        output.data("")
        output.data(", ".join(f"{count} {name}" for name, count in ledger["summary"].items()))
    return OK


def experiments(
    action: ActionArgument = "list",
    name: NameArgument = "",
    *,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """List the experiments of the release with how their variants do, or show one. Counts are a server's: use --url."""
    found = ask(Common(project=project, url=url, json=json), lambda source: source.experiments())
    if action == "show":
        output.as_json(_pick(found, name, NotFound))
    elif json:
        output.as_json(found)
    else:
        rows = [_variant(one, variant) for one in found for variant in one["variants"]]
        head = ("experiment", "by", "variant", "share", "changes", "calls", "ok", "p50", "p95", "runs", "ok")
        output.table(rows, head=head)
    return OK


def _variant(experiment: Json, name: str) -> tuple[str, ...]:
    """A variant on one line."""
    one = experiment["variants"][name]
    changes = [f"{tool} = {other}" for tool, other in one["tools"].items()]
    changes += [f"{agent}: {', '.join(fields)}" for agent, fields in one["agents"].items()]
    calls, runs = one["calls"], one["runs"]
    return (
        experiment["name"],
        experiment["by"],
        name,
        f"{one['share']:.1%}",
        "; ".join(changes) or "-",
        str(calls["count"]),
        "-" if calls["success"] is None else f"{calls['success']:.1%}",
        _ms(calls["p50_s"]),
        _ms(calls["p95_s"]),
        str(runs["count"]),
        "-" if runs["success"] is None else f"{runs['success']:.1%}",
    )


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.3g} ms"


def _arms(run: Json) -> str:
    return ", ".join(f"{name}:{variant}" for name, variant in run.get("variants", {}).items())


def _show_tool(tool: Json, options: Common) -> int:
    if options.json:
        output.as_json(tool)
        return OK
    output.data(f"{tool['name']}  ({tool['kind']}, {_place(tool)}, digest {tool['digest']})")
    for line in str(tool["description"]).splitlines():
        output.data(f"  {line}")
    for title, key in (("arguments", "args_schema"), ("result", "result_schema"), ("policy", "policy")):
        output.data(f"{title}: {output.plain(tool[key])}")
    for title, key in (("arguments", "args"), ("result", "result")):
        if names := ", ".join(fields_of(tool.get("sensitive", {}).get(key, False))):
            output.data(f"sensitive {title}: {names}")
    return OK


def _explain(tool: Json, options: Common) -> int:
    """Which file the tool comes from, and its effective policy, field by field, with what was overruled."""
    sources, overruled = tool["sources"], tool.get("overruled", {})
    policy = {
        field: {"value": value, "from": sources.get(field, "built-in default")}
        | ({"instead_of": overruled[field]} if field in overruled else {})
        for field, value in tool["policy"].items()
    }
    code = {"from": _place(tool), "instead_of": tool.get("replaces", [])}
    if options.json:
        told = {"tool": tool["name"], "scope": tool["scope"], "code": code, "policy": policy}
        output.as_json({**told, "experiments": tool.get("experiments", [])})
        return OK
    rows = [("code", _renamed(tool), code["from"], ", ".join(reversed(code["instead_of"])))]
    for one in tool.get("experiments", []):
        part = f"{one['experiment']}:{one['variant']}, by {one['by']}"
        value = part if one["variant"] else f"no part: {one['why_none']}"
        rows.append(("experiment", value, f"experiments.{one['experiment']} in {one['place']}", ""))
    for field, said in policy.items():
        weaker = [f"{_short(one['value'])}: {one['source']}" for one in reversed(said.get("instead_of", []))]
        rows.append((field, _short(said["value"]), said["from"], "; ".join(weaker)))
    output.table(rows, head=("what", "value", "comes from", "instead of"))
    return OK


def _renamed(tool: Json) -> str:
    """The digest of the code, and the name it has there, when that is another one."""
    name = tool.get("code_name")
    return f"{tool['digest']} ({name} in the code)" if name else str(tool["digest"])


def _list_errors(found: list[Json], options: Common) -> int:
    if options.json:
        output.as_json(found)
        return OK
    rows = [
        (_time(one["at"]), _severity(one), one["code"], one["tenant"], one["release"], one["message"]) for one in found
    ]
    output.table(rows, head=("at", "severity", "code", "tenant", "release", "message"))
    return OK


def _severity(error: Json) -> str:
    return f"{error['severity']} (escalated)" if error["escalated"] else str(error["severity"])


def _short(value: object) -> str:
    """A policy's value on one line; `-` where there is none."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(inner)}" for key, inner in value.items() if inner not in (None, [], ""))
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "-"
    return "-" if value in (None, "") else str(value)


def _pick(found: list[Json], name: str, error: type[NotFound]) -> Json:
    if not name:
        raise UsageProblem("Whose details?", hint="Add a name.")
    for item in found:
        if item["name"] == name:
            return item
    kind = {ToolNotFound: "tool", AgentNotFound: "agent"}.get(error, "experiment")
    raise error(f"There is no {kind} named {name!r}.", hint=did_you_mean(name, [str(item["name"]) for item in found]))


def _signature(tool: Json) -> str:
    schema = tool["args_schema"]
    required = set(schema.get("required", ()))
    return ", ".join(name if name in required else f"[{name}]" for name in schema.get("properties", {}))


def _place(tool: Json) -> str:
    return "built in" if tool["kind"] == "builtin" else f"{tool['file']}:{tool['line']}"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def _time(stamp: float) -> str:
    return datetime.fromtimestamp(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
