"""Scripts: how they are run, what they get, how they end, and which are refused."""

import errno
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.scripts import ScriptResult, parse_command
from app.replication.scripts import running
from app.replication.scripts.running import Scripts, clean_output
from tests.support.replication_pair import until


@pytest.fixture
def scripts() -> Iterator[Scripts]:
    made = Scripts("/the/home")
    yield made
    made.close()


def write(directory: Path, text: str, mode: int = 0o755) -> str:
    path = directory / "script"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return str(path)


def run(scripts: Scripts, command: str, timeout_s: float = 20.0, **variables: str) -> ScriptResult:
    return scripts.run(command, timeout_s=timeout_s, variables=variables)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_exit_code_and_the_end_of_the_output_come_back(tmp_path: Path, scripts: Scripts) -> None:
    done = run(scripts, write(tmp_path, "echo one; printf 'two\\033[31m\\ttabs\\n' >&2; exit 0"))
    assert done.good
    assert done.output == "one | two [31m tabs"
    failed = run(scripts, write(tmp_path, "exit 3"))
    assert (failed.exit_code, failed.good, failed.output) == (3, False, "")
    assert run(scripts, write(tmp_path, "kill -9 $$")).signal == signal.SIGKILL


def test_it_gets_its_arguments_and_no_shell_reads_them(tmp_path: Path, scripts: Scripts) -> None:
    program = write(tmp_path, 'for a in "$@"; do echo "<$a>"; done')
    done = scripts.run(f"{program} 'a b' $HOME \\; *", timeout_s=20, variables={}, arguments=("c;d", "e\nf"))
    assert done.output == "<a b> | <$HOME> | <;> | <*> | <c;d> | <e f>"


def test_its_environment_is_clean(tmp_path: Path, scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the engine")
    monkeypatch.setenv("LD_PRELOAD", "")
    done = run(scripts, write(tmp_path, "env | sort; pwd; umask"), ARCXO_SCENARIO="my\0 files")
    assert "SECRET" not in done.output
    assert "LD_PRELOAD" not in done.output
    assert "ARCXO_HOME=/the/home" in done.output
    assert "ARCXO_SCENARIO=my  files" in done.output
    assert done.output.endswith("/ | 0022")


def test_it_has_no_input_no_foreign_descriptor_and_default_signals(tmp_path: Path, scripts: Scripts) -> None:
    handle = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(handle, True)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        done = run(scripts, write(tmp_path, "readlink /proc/$$/fd/*; grep SigIgn /proc/$$/status; cat"))
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(handle)
    assert "hostname" not in done.output
    assert "/dev/null" in done.output
    ignored = int(done.output.rpartition("SigIgn:")[2], 16)
    assert not ignored & (1 << signal.SIGTERM - 1)
    assert done.good


def test_one_that_takes_too_long_is_ended_with_everything_it_started(
    tmp_path: Path, scripts: Scripts
) -> None:
    text = f"""
    trap '' TERM
    echo started
    (setsid sh -c 'echo $$ > {tmp_path}/far; sleep 600') &
    sh -c 'trap "" TERM; echo $$ > {tmp_path}/near; sleep 600' &
    sleep 600"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "GRACE_S", 0.3)
        done = run(scripts, write(tmp_path, text), timeout_s=1.0)
    assert done.timed_out
    assert not done.good
    assert done.output == "started"
    for name in ("far", "near"):
        assert not alive(int((tmp_path / name).read_text()))


def test_one_that_listens_to_sigterm_may_tidy_up(tmp_path: Path, scripts: Scripts) -> None:
    text = f"trap 'touch {tmp_path}/tidy; exit 9' TERM; sleep 600 & wait"
    done = run(scripts, write(tmp_path, text), timeout_s=0.5)
    assert done.timed_out
    assert (tmp_path / "tidy").exists()
    assert done.seconds < 4


def test_what_a_script_leaves_in_the_background_goes_on(tmp_path: Path, scripts: Scripts) -> None:
    done = run(scripts, write(tmp_path, f"sleep 600 & echo $! > {tmp_path}/pid; echo done"))
    assert done.good
    assert done.seconds < 5
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_what_it_leaves_in_the_background_may_go_on_writing(tmp_path: Path, scripts: Scripts) -> None:
    later = "until [ -e go ]; do sleep 0.01; done; head -c 300000 /dev/zero && echo line && touch wrote"
    done = run(scripts, write(tmp_path, f"cd {tmp_path}; ({later}) & echo done"))
    assert (done.good, done.output) == (True, "done")
    (tmp_path / "go").touch()
    until((tmp_path / "wrote").exists)


def test_much_output_is_bounded_and_never_holds_the_script_up(tmp_path: Path, scripts: Scripts) -> None:
    done = run(scripts, write(tmp_path, "yes line | head -c 5000000; echo; echo last"))
    assert done.good
    assert len(done.output) <= running.OUTPUT_MOST_CHARACTERS
    assert done.output.endswith("last")
    assert clean_output("x" * 10_000 + "\n\0\n") == "…" + "x" * (running.OUTPUT_MOST_CHARACTERS - 1)
    assert clean_output("\n".join(map(str, range(100)))).startswith("80 | 81")


def test_the_end_of_the_engine_ends_its_scripts(tmp_path: Path) -> None:
    scripts = Scripts("/the/home")
    results: list[ScriptResult] = []
    program = write(tmp_path, f"echo $$ > {tmp_path}/pid; sleep 600")
    thread = threading.Thread(target=lambda: results.append(run(scripts, program)))
    thread.start()
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    scripts.close()
    thread.join(10)
    assert results[0].stopped
    assert not alive(int((tmp_path / "pid").read_text()))
    assert run(scripts, program).stopped


def test_a_tick_that_raises_ends_the_script(tmp_path: Path, scripts: Scripts) -> None:
    def tick() -> None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            raise LookupError

    program = write(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    with pytest.raises(LookupError):
        scripts.run(program, timeout_s=60, variables={}, tick=tick)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_killed_engine_takes_its_scripts_along(tmp_path: Path) -> None:
    program = write(
        tmp_path, f"(setsid sleep 600 & echo $! > {tmp_path}/far); echo $$ > {tmp_path}/pid; sleep 600"
    )
    code = (
        "from app.replication.scripts.running import Scripts\n"
        f"Scripts('/h').run({program!r}, timeout_s=600, variables={{}})"
    )
    import sys

    engine = subprocess.Popen([sys.executable, "-c", code])
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    engine.kill()
    engine.wait()
    pids = [int((tmp_path / name).read_text()) for name in ("pid", "far")]
    until(lambda: not any(map(alive, pids)), 15, "the script to end")


def test_a_killed_runner_takes_the_script_along(tmp_path: Path, scripts: Scripts) -> None:
    program = write(tmp_path, f"echo $PPID > {tmp_path}/runner; echo $$ > {tmp_path}/pid; exec sleep 600")
    results: list[ScriptResult] = []
    thread = threading.Thread(target=lambda: results.append(run(scripts, program)))
    thread.start()
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    os.kill(int((tmp_path / "runner").read_text()), signal.SIGKILL)
    thread.join(10)
    assert "killed" in results[0].fault
    until(lambda: not alive(int((tmp_path / "pid").read_text())))


@pytest.mark.parametrize(("mode", "word"), [(0o644, "executed"), (0o775, "written"), (0o757, "written")])
def test_files_that_may_not_run_are_refused(tmp_path: Path, scripts: Scripts, mode: int, word: str) -> None:
    assert word in run(scripts, write(tmp_path, "true", mode)).fault


def test_what_is_no_file_or_lies_where_all_may_write_is_refused(tmp_path: Path, scripts: Scripts) -> None:
    assert "cannot be found" in run(scripts, str(tmp_path / "nothing")).fault
    assert "not a file" in run(scripts, str(tmp_path)).fault
    open_directory = tmp_path / "open"
    open_directory.mkdir()
    program = write(open_directory, "true")
    assert run(scripts, program).good
    open_directory.chmod(0o777)
    assert "writable by all" in run(scripts, program).fault
    link = tmp_path / "link"
    link.symlink_to(program)
    assert "writable by all" in run(scripts, str(link)).fault
    open_directory.chmod(0o1777)
    assert run(scripts, program).good


def test_a_file_that_no_interpreter_takes_is_told(tmp_path: Path, scripts: Scripts) -> None:
    path = tmp_path / "script"
    path.write_bytes(b"#!/nowhere/sh\n")
    path.chmod(0o755)
    assert run(scripts, str(path)).fault
    path.write_bytes(b"\x00\x01\x02")
    assert "Exec format" in run(scripts, str(path)).fault


@pytest.mark.parametrize(
    "text", ["", "script", "./script", "/", "/dir/", "/bin/sh 'unclosed", "/x " + "a " * 64]
)
def test_what_is_no_command_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_command(text)


def test_no_process_and_no_descriptor_is_left(tmp_path: Path, scripts: Scripts) -> None:
    program = write(tmp_path, "true")
    run(scripts, program)
    before = os.listdir("/proc/self/fd")
    began = time.monotonic()
    for _ in range(5):
        run(scripts, program)
    assert time.monotonic() - began < 10
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_host_without_room_for_a_process_is_a_fault_not_a_crash(
    tmp_path: Path, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> subprocess.Popen[bytes]:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(running, "_start", refuse)
    assert "no process" in run(scripts, write(tmp_path, "true")).fault


def test_a_user_without_an_entry_can_run_scripts(
    tmp_path: Path, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_uid: int) -> None:
        raise KeyError

    monkeypatch.setattr(running.pwd, "getpwuid", unknown)
    assert run(scripts, write(tmp_path, "echo $HOME $USER")).output == "/"
