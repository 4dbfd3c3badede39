//! Deadlines and processes: no test here hangs, each says what it waited for, and none leaves a program running.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Longer than any one step takes on a machine that is not stuck.
pub(crate) const STUCK: Duration = Duration::from_secs(60);

/// Longer than any test takes, on a machine that has twenty times as much to do as it can.
pub(crate) const LIMIT: Duration = Duration::from_secs(1800);

/// Ends the process when a test has run for too long. Dropped when the test ends.
#[must_use]
pub(crate) struct Deadline {
    _running: Sender<()>,
}

/// Gives the test that calls this [so long](LIMIT), and says otherwise what it waited for.
///
/// A thread that hangs cannot be ended, so that the test run ends with it. Without this it would never end.
pub(crate) fn deadline(what: &'static str) -> Deadline {
    let (running, runs) = mpsc::channel();
    let test = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        if runs.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln`, which the test runner keeps until the test ends.
            let _ = writeln!(io::stderr(), "\n{test}: waited {LIMIT:?} for {what}");
            std::process::abort();
        }
    });
    Deadline { _running: running }
}

/// Tests that load the machine as far as they can do not run beside each other.
pub(crate) fn one_storm_at_a_time() -> MutexGuard<'static, ()> {
    static STORM: Mutex<()> = Mutex::new(());
    STORM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test in a process of its own, because it counts the descriptors of its process: other tests open some too. No
/// longer than [`LIMIT`].
/// The closure must be written in the test itself, whose name is taken from it.
pub(crate) fn alone<T: FnOnce()>(what: &'static str, test: T) {
    const ALONE: &str = "HANDFAST_TEST_ALONE";
    let closure = std::any::type_name::<T>();
    let name = closure.split_once("::").and_then(|(_, path)| path.strip_suffix("::{{closure}}")).expect("a closure");
    if env::var_os(ALONE).is_some_and(|alone| alone == name) {
        return test();
    }
    let _storm = one_storm_at_a_time();
    let mut command = Command::new(env::current_exe().expect("this is a program"));
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, name);
    let output = finished(&mut command, LIMIT, what);
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("test result: ok. 1 passed"), "{name} failed in its process");
}

/// A process that is killed when it is dropped: a test that fails leaves none.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end, or kills it and fails.
#[track_caller]
pub(crate) fn finished(command: &mut Command, limit: Duration, what: &str) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
    let stdout = everything(process.0.stdout.take().expect("it is piped"));
    let stderr = everything(process.0.stderr.take().expect("it is piped"));
    let [stdout, stderr] = [stdout, stderr].map(|text| match text.recv_timeout(limit) {
        Ok(text) => text,
        Err(_) => panic!("waited {limit:?} for {what}: {command:?}"),
    });
    let status = process.0.wait().expect("it can be waited for");
    Output { status, stdout, stderr }
}

/// All that comes until the end.
fn everything(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (told, tells) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        told.send(bytes)
    });
    tells
}

/// A program that says one line after the other.
pub(crate) struct Program {
    process: Process,
    lines: Receiver<String>,
    signalled: Signalled,
}

/// What gets the signals.
#[derive(Clone, Copy)]
enum Signalled {
    Process,
    /// The only process that it has started.
    #[cfg(target_os = "linux")]
    Child,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (told, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        Self { process: Process(child), lines, signalled: Signalled::Process }
    }

    /// Starts it as process 1 of a namespace of its own. None where that is not permitted.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_as_process_one(program: &Command) -> Option<Self> {
        let unshare = |user: &[&str]| {
            let mut unshare = Command::new("unshare");
            unshare.args(user).args(["--pid", "--fork", "--kill-child", "--"]);
            unshare
        };
        let is_permitted = |user: &&[&str]| {
            let mut nothing = unshare(user);
            nothing.arg("true").stderr(Stdio::null());
            nothing.status().is_ok_and(|status| status.success())
        };
        let Some(user) = [&[][..], &["--user", "--map-root-user"]].into_iter().find(is_permitted) else {
            skip("no process can be the first of its namespace: `unshare --pid --fork` fails");
            return None;
        };
        let mut command = unshare(user);
        command.arg(program.get_program()).args(program.get_args());
        Some(Self { signalled: Signalled::Child, ..Self::start(&mut command) })
    }

    /// The standard error, if it is piped.
    pub(crate) fn errors(&mut self) -> std::process::ChildStderr {
        self.process.0.stderr.take().expect("it is piped")
    }

    /// The next line, which begins with these words. What is behind them.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> String {
        match self.lines.recv_timeout(STUCK) {
            Ok(line) => match line.strip_prefix(words) {
                Some(rest) => rest.to_owned(),
                None => panic!("{line:?} in place of {words:?}"),
            },
            Err(RecvTimeoutError::Timeout) => panic!("waited {STUCK:?} for a line that begins with {words:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("it ended without a line that begins with {words:?}"),
        }
    }

    /// Throws away what it has said and was not asked for.
    #[cfg(unix)]
    pub(crate) fn forget(&mut self) {
        while self.lines.try_recv().is_ok() {}
    }

    /// Ctrl-C.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.process.0);
        let process = match self.signalled {
            Signalled::Process => process,
            #[cfg(target_os = "linux")]
            Signalled::Child => process_one_below(process),
        };
        rustix::process::kill_process(process, signal).expect("it runs");
    }

    /// Stops it, and waits until it is.
    #[cfg(unix)]
    pub(crate) fn stop(&self) {
        use rustix::process::{Pid, Signal, WaitOptions, waitpid};
        self.signal(Signal::STOP);
        let stopped = waitpid(Some(Pid::from_child(&self.process.0)), WaitOptions::UNTRACED).expect("it is a child");
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "it has ended: {stopped:?}");
    }

    /// The rest of what it says, once it has ended in order.
    #[track_caller]
    pub(crate) fn rest(self) -> Vec<String> {
        let (rest, status) = self.end();
        assert!(status.success(), "it failed; it said {rest:?}");
        rest
    }

    /// Waits until it has ended, and returns its status.
    #[track_caller]
    pub(crate) fn status(self) -> ExitStatus {
        self.end().1
    }

    #[track_caller]
    fn end(mut self) -> (Vec<String>, ExitStatus) {
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(STUCK) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("waited {STUCK:?} for it to end; it said {rest:?}"),
            }
        }
        (rest, self.process.0.wait().expect("it can be waited for"))
    }
}

/// The child of `unshare`, which is process 1 in its own namespace.
#[cfg(target_os = "linux")]
fn process_one_below(parent: rustix::process::Pid) -> rustix::process::Pid {
    let read = |path: String| std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let pid = parent.as_raw_nonzero();
    let child = read(format!("/proc/{pid}/task/{pid}/children")).trim().parse().expect("it has one child");
    let status = read(format!("/proc/{child}/status"));
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).expect("it has a namespace");
    assert_eq!(numbers.split_whitespace().last(), Some("1"), "{numbers}");
    rustix::process::Pid::from_raw(child).expect("it is a process")
}

/// Skips a test, or a part of one, for want of something; where everything is required that is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(env::var_os("HANDFAST_REQUIRE_ALL").is_none_or(|value| value != "1"), "{reason}");
    println!("skipped: {reason}");
}
