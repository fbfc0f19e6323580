"""Wording: answers by template from results, in English or Chinese, with the few directives a prompt may give."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from toolcrib.agents.offline_router.chatter import Chatter
from toolcrib.agents.offline_router.extract.found import is_cjk
from toolcrib.agents.offline_router.results import value_of
from toolcrib.agents.offline_router.turns import Made
from toolcrib.agents.offline_router.values import OfferedTool

_BEGIN = re.compile(r"^\s*[-*]?\s*begin every answer with:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_END = re.compile(r"^\s*[-*]?\s*end every answer with:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_LANGUAGE = re.compile(r"^\s*[-*]?\s*answer in (english|chinese)\.?\s*$", re.IGNORECASE | re.MULTILINE)
_EXPRESSION_NAMES = frozenset({"expression", "formula", "calculation", "equation", "expr"})
_CHINESE_LABELS = MappingProxyType(
    {
        "amount": "金额",
        "carrier": "承运人",
        "city": "城市",
        "currency": "货币",
        "customer": "客户",
        "date": "日期",
        "days": "天数",
        "delivered on": "送达日期",
        "destination": "目的地",
        "expected on": "预计日期",
        "items": "商品",
        "name": "名称",
        "order id": "订单号",
        "placed on": "下单日期",
        "price": "价格",
        "price eur": "价格（欧元）",
        "quantity": "数量",
        "rate": "汇率",
        "result": "结果",
        "status": "状态",
        "temperature": "温度",
        "time": "时间",
        "title": "标题",
        "total": "总计",
        "total eur": "总计（欧元）",
        "weight kg": "重量（公斤）",
    }
)
_MOST_LINES = 10
_MOST_CHARS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How answers are worded: the language, and the texts the prompt wants around them."""

    language: Literal["en", "zh"] = "en"
    begin: str = ""
    end: str = ""

    def say(self, english: str, chinese: str) -> str:
        """The sentence in the style's language."""
        return chinese if self.language == "zh" else english


def style_of(system: str, question: str) -> Style:
    """Read the directives of the system prompt; without one, the question's language is the answer's."""
    begin, end, wanted = _BEGIN.search(system), _END.search(system), _LANGUAGE.search(system)
    chinese = wanted[1].lower() == "chinese" if wanted else is_cjk(question)
    return Style(language="zh" if chinese else "en", begin=begin[1] if begin else "", end=end[1] if end else "")


def dressed(text: str, style: Style) -> str:
    """The answer with what the prompt wants before and after it."""
    before = f"{style.begin} " if style.begin else ""
    if not style.end:
        return before + text
    if "\n" in text:
        return f"{before}{text}\n{style.end}"
    stop = "" if text.endswith(tuple(".!?。！？…")) else style.say(".", "。")
    return f"{before}{text}{stop} {style.end}"


def nothing_asked(tools: Sequence[OfferedTool], style: Style) -> str:
    """For an empty question."""
    return style.say(f"There is no question to route. {_offer(tools, style)}", f"没有收到问题。{_offer(tools, style)}")


def chatter(kind: Chatter, tools: Sequence[OfferedTool], style: Style) -> str:
    """For talk that is meant for the router itself."""
    match kind:
        case "tools":
            return _list(tools, style)
        case "who":
            return style.say(
                f"I am the offline router: fixed rules that choose a tool and word its result. {_offer(tools, style)}",
                f"我是离线路由器：按固定规则选择工具，并用模板表述结果。{_offer(tools, style)}",
            )
        case "greeting":
            return style.say(
                f"Hello. I am the offline router. {_offer(tools, style)}",
                f"你好，我是离线路由器。{_offer(tools, style)}",
            )
        case "thanks":
            return style.say("You are welcome.", "不客气。")
        case _:
            return none_fits(tools, style)


def none_fits(tools: Sequence[OfferedTool], style: Style) -> str:
    """For a question no tool is for."""
    if not tools:
        return style.say(
            "There are no tools here. I am the offline router: without a tool I cannot answer.",
            "这里没有任何工具。我是离线路由器，没有工具就无法回答。",
        )
    count = len(tools)
    return style.say(
        f"None of the {count} tools here fits that question. I am the offline router: I choose tools by fixed rules "
        f"and know nothing myself. {_offer(tools, style)}",
        f"这里的 {count} 个工具都不适合这个问题。我是离线路由器，只按固定规则选择工具。{_offer(tools, style)}",
    )


def ask(tool: OfferedTool, missing: Sequence[str], style: Style) -> str:
    """For a call that lacks arguments; `router` recognises this wording in the next turn."""
    properties = tool.parameters.get("properties")
    schemas = properties if isinstance(properties, Mapping) else {}
    wanted = [f"{name}{_about(schemas.get(name), style)}" for name in missing]
    return style.say(
        f"To use `{tool.name}` I need: {', '.join(wanted)}.", f"要使用 `{tool.name}`，还需要：{'、'.join(wanted)}。"
    )


def left_alone(style: Style) -> str:
    """For a question that was taken back."""
    return style.say("All right, nothing was done.", "好的，什么都没有做。")


def answer(made: Sequence[Made], style: Style) -> str:
    """The results of all calls, each in a line or a few."""
    return "\n".join(_result(one, style) for one in made)


def _result(made: Made, style: Style) -> str:
    if made.failed:
        return style.say(
            f"The tool `{made.call.name}` failed: {made.text.strip()}",
            f"工具 `{made.call.name}` 失败：{made.text.strip()}",
        )
    value = value_of(made.text)
    if isinstance(value, Mapping):
        return _record(value, style)
    if isinstance(value, list):
        return _rows(value, style)
    expression = next((v for k, v in made.call.args.items() if k.lower() in _EXPRESSION_NAMES), None)
    if expression is not None:
        return f"{expression} = {_plain(value)}"
    if isinstance(value, str):
        return _cut(value)
    told = ", ".join(f"{name}: {_plain(given)}" for name, given in made.call.args.items())
    return f"{made.call.name}{f' ({told})' if told else ''}: {_plain(value)}"


def _record(value: Mapping[str, Any], style: Style) -> str:
    """`A-42: status shipped, carrier DHL`: what names the thing first, then its fields."""
    fields = [(str(name), inner) for name, inner in value.items() if inner not in (None, "", [], {})]
    if not fields:
        return style.say("The result is empty.", "结果为空。")
    head, rest = fields[0], fields[1:]
    named = isinstance(head[1], str) and len(head[1]) <= 60 and bool(rest)
    told = rest if named else fields
    if style.language == "zh":
        listed = "，".join(
            f"{_CHINESE_LABELS.get(_label(name), _label(name))}：{_plain(inner)}" for name, inner in told
        )
        return _cut(f"{head[1]} 的查询结果：{listed}" if named else f"查询结果：{listed}")
    shown = ", ".join(f"{_label(name)} {_plain(inner)}" for name, inner in told)
    return _cut(f"{head[1]}: {shown}" if named else shown)


def _rows(value: Sequence[Any], style: Style) -> str:
    if not value:
        return style.say("Nothing was found.", "没有找到任何结果。")
    lines = [f"- {_record(row, style) if isinstance(row, Mapping) else _plain(row)}" for row in value[:_MOST_LINES]]
    left = len(value) - _MOST_LINES
    if left > 0:
        lines.append(style.say(f"… and {left} more", f"……还有 {left} 条"))
    head = style.say(f"{len(value)} found:", f"共 {len(value)} 条：")
    return _cut("\n".join([head, *lines]))


def _plain(value: Any) -> str:
    """A value in words; nested values compactly."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case str() | int() | float():
            return str(value)
        case None:
            return "none"
        case Mapping():
            return "(" + ", ".join(f"{_label(str(name))} {_plain(inner)}" for name, inner in value.items()) + ")"
        case list():
            shown = ", ".join(_plain(one) for one in value[:_MOST_LINES])
            return shown + (", …" if len(value) > _MOST_LINES else "")
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _label(name: str) -> str:
    return name.replace("_", " ")


def _about(schema: Any, style: Style) -> str:
    """What an argument is, in brackets, as far as its schema says."""
    if not isinstance(schema, Mapping):
        return ""
    described = str(schema.get("description") or "").strip().rstrip(".")
    choices = schema.get("enum")
    if isinstance(choices, (list, tuple)) and choices:
        listed = ", ".join(str(choice) for choice in choices)
        described = f"{described}; {listed}" if described else listed
    return style.say(f" ({described})", f"（{described}）") if described else ""


def _offer(tools: Sequence[OfferedTool], style: Style) -> str:
    names = ", ".join(f"`{tool.name}`" for tool in tools[:8])
    if not names:
        return ""
    more = style.say(" and others", " 等") if len(tools) > 8 else ""
    return style.say(f"The tools are {names}{more}.", f"可用的工具有 {names}{more}。")


def _list(tools: Sequence[OfferedTool], style: Style) -> str:
    if not tools:
        return style.say("There are no tools here.", "这里没有任何工具。")
    lines = [f"- `{tool.name}`: {_first_line(tool.description)}" for tool in tools]
    return "\n".join([style.say(f"There are {len(tools)} tools:", f"共有 {len(tools)} 个工具："), *lines])


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]} …"
