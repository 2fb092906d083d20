"""What a person tells a training that runs: Ctrl-C, once and twice."""

from __future__ import annotations

import os
import signal

import pytest

from triptych.cli.console import InterruptFlag

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_interrupt_is_noted_and_the_second_stops_at_once(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    with InterruptFlag() as interrupt:
        assert not interrupt.raised
        os.kill(os.getpid(), number)
        assert interrupt.raised
        assert "stopping after this step; once more to stop at once" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_who_listened_before_listens_again_after_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with InterruptFlag():
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before
