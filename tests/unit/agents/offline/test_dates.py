"""Dates, times and lengths of time, counted from Wednesday 18 November 2026."""

from datetime import date

import pytest

from toolcrib.agents.offline.extract.dates import find_dates
from toolcrib.agents.offline.extract.times import find_durations, find_times, find_zones

TODAY = date(2026, 11, 18)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("tomorrow", "2026-11-19"),
        ("next Friday", "2026-11-20"),
        ("in 3 days", "2026-11-21"),
        ("in two weeks time", "2026-12-02"),
        ("two days ago", "2026-11-16"),
        ("on March 5", "2027-03-05"),
        ("5 March 2027", "2027-03-05"),
        ("2026-12-01", "2026-12-01"),
        ("25.12.2026", "2026-12-25"),
        ("后天", "2026-11-20"),
        ("下周五", "2026-11-27"),
        ("三天后", "2026-11-21"),
        ("12月25日", "2026-12-25"),
    ],
)
def test_a_day_is_read(text: str, day: str) -> None:
    assert [one.value.isoformat() for one in find_dates(text, TODAY)] == [day]


def test_a_day_that_does_not_exist_is_none() -> None:
    assert not find_dates("2026-02-30", TODAY)


@pytest.mark.parametrize(
    ("text", "time"),
    [("at 3pm", "15:00"), ("15:30", "15:30"), ("6:15 p.m.", "18:15"), ("noon", "12:00"), ("下午三点半", "15:30")],
)
def test_a_time_of_day_is_read(text: str, time: str) -> None:
    assert [one.value for one in find_times(text)] == [time]


def test_lengths_of_time_carry_the_seconds_of_their_unit() -> None:
    assert [one.value for one in find_durations("45 minutes or half an hour or 3 nights")] == [
        (45, 60),
        (0.5, 3600),
        (3, 86400),
    ]


def test_a_city_has_a_time_zone() -> None:
    assert [one.value for one in find_zones("in tokyo or UTC")] == ["UTC", "Asia/Tokyo"][::-1]
