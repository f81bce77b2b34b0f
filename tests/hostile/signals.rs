//! Every signal at every step: before and after each system call that the program or a child of its makes.

use crate::oracle::{Expect, Output};
use crate::run::Input;
use crate::trace::Shot;
use nix::sys::signal::Signal;

const SIGNALS: [Signal; 6] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGPIPE, Signal::SIGKILL];

/// So many stops has a check, two for each system call, and some more.
const CHECK: usize = 1560;
/// Without a probe.
const READ: usize = 460;
/// One stop in so many meets each signal; the next signal meets the next stop.
const EVERY: usize = 5;

fn at(signal: Signal, at: usize, command: &'static str, call: &str) -> Input {
    let expect = Expect { signal: Some(signal as i32), silent: true, ..Expect::of(command).output(Output::Lost) };
    let mut input = Input::new(format!("{call}, {signal} at stop {at}"), format!("exec \"$P\" {call}"), expect);
    input.shot = Some(Shot { signal, at });
    if signal == Signal::SIGKILL {
        // Nobody can tidy up who is killed so: the next one of the same user does.
        input.then = Some("\"$P\" check --state-dir state > /dev/null 2>&1");
    }
    input
}

pub(crate) fn probed() -> Vec<Input> {
    let every = |(n, signal): (usize, Signal)| {
        (1 + n % EVERY..CHECK).step_by(EVERY).map(move |call| at(signal, call, "check", "check --state-dir state"))
    };
    SIGNALS.into_iter().enumerate().flat_map(every).collect()
}

pub(crate) fn read() -> Vec<Input> {
    let commands = [
        ("check", "check --no-probe --state-dir state"),
        ("facts", "facts --no-probe --state-dir state"),
        ("render agent", "render agent"),
    ];
    let of = |(command, call): (&'static str, &'static str)| {
        let signals = SIGNALS.into_iter().enumerate();
        signals.flat_map(move |(n, signal)| (1 + n..READ).step_by(9).map(move |nth| at(signal, nth, command, call)))
    };
    commands.into_iter().flat_map(of).collect()
}

/// Signals that are ignored or blocked by who starts it, as nohup(1) and some shells do.
pub(crate) fn inherited() -> Vec<Input> {
    let mut inputs = Vec::new();
    for signals in ["HUP", "INT QUIT", "PIPE", "CHLD", "TERM", "HUP INT QUIT PIPE TERM CHLD ALRM USR1 USR2"] {
        for (command, call) in [
            ("check", "check --state-dir state"),
            ("check", "check --no-probe"),
            ("facts", "facts --state-dir state"),
            ("probe", "probe --state-dir state"),
            ("render agent", "render agent"),
            ("cleanup", "cleanup"),
            ("tune", "tune --plan"),
        ] {
            inputs.push(Input::new(
                format!("{call} with {signals} ignored"),
                format!("trap '' {signals}; exec \"$P\" {call}"),
                Expect::of(command),
            ));
        }
    }
    inputs
}
