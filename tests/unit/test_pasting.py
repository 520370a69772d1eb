"""What is printed to be pasted into a shell is read back by it as the same words."""

import subprocess

import pytest

from newsletter.gate import visible
from newsletter.pasting import joined, quoted

WORDS = [
    "plain",
    "with space",
    "it's",
    "$(touch x)",
    "`x`",
    'a"b',
    "a\\b",
    "é😀",
    "",
    "a\nb",
    "tab\there",
    "it's\n$HOME",
    "\x1b[31mred",
    "back\\slash\nend",
    "\u202eleft",
    "a\u2028b1",
]


@pytest.mark.parametrize("word", WORDS)
def test_a_shell_reads_the_word_back(word: str) -> None:
    line = f"printf %s {quoted(word)}"

    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)

    assert done.stdout.decode() == word
    assert visible(line) == line, "nothing of it is changed on its way to the terminal"


def test_a_shell_reads_a_command_back() -> None:
    done = subprocess.run(
        ["bash", "-c", joined(["printf", "%s|", *WORDS])], capture_output=True, check=True
    )

    assert done.stdout.decode() == "".join(f"{word}|" for word in WORDS)
