"""docs/data-protection.md: its example runs, and shows what the page says it shows."""

import importlib.util
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import toolcrib

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "data-protection.md").read_text(encoding="utf-8")
ARGS = {"card": "4111-1111", "pin": "123456", "address": {"street": "Elm 1", "city": "X"}, "amount": 5}
SHOWN = {"card": "[redacted]", "pin": "[redacted]", "address": {"street": "[redacted]", "city": "X"}, "amount": 5}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "bank.py").write_text(blocks("python")[0])
    (tmp_path / "tools.yaml").write_text(blocks("yaml")[0])
    return tmp_path


async def test_the_example_is_given_real_values_and_told_without_them(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        result = await crib.call("pay", ARGS)
        assert result.value.token == "tok-1111-6-X"
        task = await crib.tasks.wait(await crib.submit("pay", ARGS), timeout_s=5)
        told = task.to_dict()
        assert (told["args"], told["result"]["value"]) == (SHOWN, {"token": "[redacted]", "paid": 5})
        assert task.args == ARGS
        assert (await crib.tasks.result(task.id)).value["token"] == "tok-1111-6-X"
        wrong = await crib.call("pay", ARGS | {"card": ["4111-1111"]})
        assert wrong.error is not None
        assert "4111-1111" not in wrong.error.text()
        schema = crib.release.tool("pay").spec.args_schema
        assert json.dumps(schema["properties"]["pin"]) == '{"type": "string"}'


async def test_the_filter_goes_onto_the_hosts_handlers(project: Path) -> None:
    spec: Any = importlib.util.spec_from_loader("example", loader=None)
    module = importlib.util.module_from_spec(spec)
    exec(blocks("python")[1], vars(module))  # the page's own words
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    try:
        await vars(module)["main"](project)
        assert [type(one).__name__ for one in handler.filters] == ["SecretFilter"]
    finally:
        logging.getLogger().removeHandler(handler)
        for one in logging.getLogger().handlers:
            one.filters.clear()
