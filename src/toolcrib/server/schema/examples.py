"""Examples for the OpenAPI document."""

from types import MappingProxyType
from typing import Any

RELEASE = "r-1a2b3c4d"
CALL = MappingProxyType[str, Any](
    {
        "ok": True,
        "value": {"order_id": "A-42", "state": "shipped"},
        "error": None,
        "attempts": 1,
        "duration_s": 0.012,
        "queued_s": 0.0,
        "cached": False,
        "journaled": False,
        "tool": "order_status",
        "tool_digest": "5f1c0a9e",
        "release": RELEASE,
        "call_id": "0192f0c1-7d7b-7e2a-a9f4-0d8f3f0d5a11",
        "artifact": "",
        "variants": {},
    }
)
TOOL_ERRORS = MappingProxyType[str, Any](
    {
        "escalated": [{"tool": "order_status", "tenant": "acme", "duration_s": 12.5}],
        "errors": [
            {
                "tool": "order_status",
                "at": 1767225600.0,
                "release": RELEASE,
                "code": "tool_failed",
                "severity": "HIGH",
                "escalated": True,
                "layer": "tool",
                "message": "Tool 'order_status' failed: ConnectionError: no route to host",
                "call_id": "0192f0c1-7d7b-7e2a-a9f4-0d8f3f0d5a11",
                "tenant": "acme",
                "agent": "support",
                "run_id": "0192f0c1-8000-7e2a-a9f4-0d8f3f0d5a11",
            }
        ],
    }
)
RUN = MappingProxyType[str, Any](
    {
        "output": "Order A-42 was shipped on Monday.",
        "success": True,
        "error": None,
        "execution_time_s": 0.21,
        "iterations": 2,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": None,
        "trace": [{"kind": "tool", "tool": "order_status", "ok": True, "release": RELEASE}],
        "from_cache": False,
        "release": RELEASE,
        "thread_id": "t1",
        "run_id": "0192f0c1-8000-7e2a-a9f4-0d8f3f0d5a11",
        "interrupts": [],
        "variants": {"search_v2": "fast"},
    }
)
TASK_REQUEST = MappingProxyType[str, Any]({"tool": "slow_report", "args": {"month": "2026-01"}, "priority": 5})
BATCH_REQUEST = MappingProxyType[str, Any](
    {
        "calls": [
            {"tool": "slow_report", "args": {"month": "2026-01"}},
            {"tool": "slow_report", "args": {"month": "2026-02"}},
        ],
        "stop_on_failure": True,
    }
)
RESOLVE_REQUEST = MappingProxyType[str, Any]({"decision": "answer", "value": {"booked": True}})
TASK = MappingProxyType[str, Any](
    {
        "id": "0192f0c1-9000-7e2a-a9f4-0d8f3f0d5a11",
        "tool": "slow_report",
        "args": {"month": "2026-01"},
        "tenant": "",
        "key": "",
        "call_key": "",
        "priority": 5,
        "state": "running",
        "progress": 0.4,
        "message": "row 400 of 1000",
        "release": RELEASE,
        "created_at": 1767225600.0,
        "started_at": 1767225600.2,
        "finished_at": None,
        "result": None,
        "error": "",
        "ttl_s": 3600.0,
        "expires_at": None,
        "batch": "",
        "stop_on_failure": False,
        "callback_error": "",
        "cancel_asked": False,
        "starts": 1,
        "crashes": 0,
        "repeatable": True,
    }
)
DEPLOYMENT = MappingProxyType[str, Any](
    {
        "state": "active",
        "release": RELEASE,
        "previous": "r-00c0ffee",
        "generation": 7,
        "reasons": [],
        "diff": [
            {
                "kind": "tool",
                "name": "order_status",
                "change": "changed",
                "detail": "code",
                "verdict": "safe",
                "why": "",
            }
        ],
        "verdict": "safe",
        "accepted": [],
        "timings_s": {"verify": 0.05, "load": 0.01, "total": 0.08},
        "actor": "upload",
        "who": "ann@laptop",
        "git": {"commit": "6f1d8c2e0b7a4c3d9e5f6a7b8c9d0e1f2a3b4c5d", "branch": "main", "dirty": False},
        "why": "",
        "at": 1767225600.0,
        "restart_needed": [],
    }
)
_TALLY = MappingProxyType[str, Any](
    {"ended": 180, "errors": 3, "timeouts": 0, "invalid": 0, "loops": 0, "p95_s": 0.29, "cost_usd": None}
)
_SIDE = MappingProxyType[str, Any]({"runs": dict(_TALLY), "calls": dict(_TALLY)})
_FIGURES = MappingProxyType[str, Any]({"recent": dict(_SIDE), "whole": dict(_SIDE)})
CANARY = MappingProxyType[str, Any](
    {
        "release": RELEASE,
        "stable": "r-00c0ffee",
        "generation": 8,
        "percent": 10.0,
        "tenants": ["acme"],
        "since": 1767225600.0,
        "bake_s": 300.0,
        "min_samples": 20,
        "left_s": 120.0,
        "move": "go_on",
        "why": "120 s of its bake time are left",
        "figures": {"canary": dict(_FIGURES), "stable": dict(_FIGURES)},
    }
)
PROBLEM = MappingProxyType[str, Any](
    {
        "type": "urn:toolcrib:error:tool_not_found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no tool named 'order_statu'.",
        "code": "tool_not_found",
        "hint": "Did you mean order_status?",
        "retryable": False,
        "instance": "/v1/tools/order_statu",
    }
)
