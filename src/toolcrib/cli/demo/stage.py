"""What the demo prints: questions, answers, a time line, checks; plain text when nobody looks at a terminal."""

import sys
from dataclasses import dataclass, field
from io import TextIOWrapper

from rich.console import Console
from rich.text import Text

WIDTH = 100
INDENT = 3
LABEL = 9


@dataclass(kw_only=True)
class Stage:
    """Prints the story and remembers which of its checks failed.

    Attributes:
        console: where it prints.
        failed: the texts of the checks that did not hold.
    """

    console: Console
    failed: list[str] = field(default_factory=list)

    def title(self, name: str, *lines: str) -> None:
        """The heading of the whole story."""
        self.console.print(Text(name, style="bold"))
        for line in lines:
            self.console.print(Text(line, style="dim"))

    def scene(self, number: int, title: str, meaning: str) -> None:
        """The heading of a scene, and in one line what is seen and why it matters."""
        self.console.print()
        self.console.print(Text.assemble((f"{number}  ", "bold cyan"), (title, "bold")))
        self._hang(Text(), Text(meaning, style="dim"), INDENT)
        self.console.print()

    def line(self, label: str, text: str, *, style: str = "") -> None:
        """A label and a text beside it, wrapped under itself."""
        shown = Text(label, style="dim" if style in ("", "dim") else style)
        self._hang(shown, Text(text, style=style), INDENT + LABEL)

    def answer(self, text: str, facts: str) -> None:
        """An answer and, below it, where it came from."""
        self.line("answer", text, style="green")
        self.line("", facts, style="dim")

    def moment(self, seconds: float, text: str) -> None:
        """One point of a time line."""
        self.line(f"{seconds:5.2f} s", text)

    def change(self, path: str, before: str, after: str) -> None:
        """An edit: the file, the lines that go and the lines that come."""
        self.line("edit", path)
        for sign, style, block in (("-", "red", before), ("+", "green", after)):
            for one in block.splitlines():
                self.line("", f"{sign} {one}", style=style)

    def drawing(self, text: str) -> None:
        """Text whose columns matter: printed as it is, cut at the edge rather than wrapped."""
        for one in text.splitlines():
            line = Text(" " * (INDENT + LABEL)) + Text(one, style="yellow")
            line.truncate(self.console.width, overflow="ellipsis")
            self.console.print(line, no_wrap=True)

    def command(self, text: str) -> None:
        """A command to copy: in one piece, however long it is."""
        self.console.print(Text(" " * (INDENT + LABEL + 3)) + Text(text, style="cyan"), soft_wrap=True)

    def check(self, holds: bool, text: str) -> None:
        """A claim of the story, with its outcome; a failed one fails the demo."""
        if not holds:
            self.failed.append(text)
        mark = Text("ok", style="green") if holds else Text("FAILED", style="bold red")
        self._hang(mark, Text(text), INDENT + LABEL)

    def gap(self) -> None:
        """An empty line."""
        self.console.print()

    def _hang(self, label: Text, text: Text, indent: int) -> None:
        """A text that wraps at an indent, with a label in front of its first line; no blanks at the ends of lines."""
        for number, part in enumerate(text.wrap(self.console, self.console.width - indent) or [Text()]):
            part.rstrip()
            first = Text(" " * INDENT) + label if number == 0 else Text()
            first.pad_right(indent - first.cell_len)
            line = first + part
            line.rstrip()
            self.console.print(line, no_wrap=True)


def open_stage() -> Stage:
    """A stage on stdout: at most 100 columns, coloured on a terminal that wants colours (`NO_COLOR`)."""
    out = sys.stdout
    if isinstance(out, TextIOWrapper) and "utf" not in out.encoding.lower():
        out.reconfigure(errors="replace")  # a Chinese answer must not end the demo on a Latin-1 terminal
    console = Console(file=out, highlight=False, emoji=False)
    console.width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    return Stage(console=console)
