//! Every flag of every command: alone, in pairs and in triples, and with values that make no sense.

use crate::commands::{COMMANDS, Command};
use crate::oracle::{Documented, Expect, Output};
use crate::run::{Input, quoted};
use crate::world;
/// Whether a flag with its value is the one that a rule names.
fn is(flag: &str, rule: &str) -> bool {
    flag == rule || flag.split(' ').next() == Some(rule)
}

impl Command {
    fn takes(&self, flags: &[&str]) -> bool {
        let has = |rule: &str| flags.iter().any(|flag| is(flag, rule));
        let none_twice = self.apart.iter().all(|apart| apart.iter().filter(|flag| has(flag)).count() < 2);
        none_twice
            && !flags.iter().any(|flag| self.foreign.contains(flag))
            && !self.against.iter().any(|(one, others)| has(one) && others.iter().any(|other| has(other)))
            && self.needs.iter().all(|(one, others)| !has(one) || others.iter().any(|other| has(other)))
    }

    /// What is taken, of one to `most` flags, or what is not.
    pub(crate) fn combinations(&self, most: usize, taken: bool) -> Vec<Vec<&'static str>> {
        let mut all: Vec<Vec<&'static str>> = vec![vec![]];
        for foreign in self.foreign {
            all.push(vec![foreign]);
            all.extend(self.flags.iter().filter(|_| most > 1).map(|one| vec![*one, *foreign]));
            all.extend(self.foreign.iter().filter(|other| most > 1 && *other != foreign).map(|other| vec![*other, *foreign]));
        }
        for (n, one) in self.flags.iter().enumerate() {
            all.push(vec![one]);
            for (m, two) in self.flags.iter().enumerate().skip(n + 1).filter(|_| most > 1) {
                all.push(vec![one, two]);
                all.extend(self.flags[m + 1..].iter().filter(|_| most > 2).map(|three| vec![*one, *two, *three]));
            }
        }
        all.retain(|flags| self.takes(flags) == taken);
        all
    }

    /// The line of a command that is ended if it stays.
    pub(crate) fn line(&self, wrapper: &str, flags: &[&str]) -> (String, bool) {
        let stays = self.stays.iter().any(|stays| stays.is_empty() || flags.iter().any(|flag| is(flag, stays)));
        let timeout = if stays { "timeout --preserve-status --kill-after 50 --signal TERM 0.3 " } else { "" };
        let line = format!("exec {timeout}{wrapper}\"$P\" {} {} {}", self.name, self.always, flags.join(" "));
        // Whatever else is wrong: nothing is set on this machine.
        let alone = |line| format!("exec unshare --mount sh -c {}", quoted(&format!("mount -o bind,ro /proc/sys /proc/sys; {line}")));
        (if self.name == "tune" { alone(line) } else { line }, stays)
    }

    fn input(&self, flags: &[&str], taken: bool) -> Input {
        let (line, stays) = self.line("", flags);
        let mut expect = Expect::of(self.name);
        if taken {
            expect.codes = vec![0, 1, 3, 4];
            expect.may_write = self.may_write.to_vec();
            // Ended before it could see to its end.
            expect.also = if stays { vec![143] } else { vec![] };
        } else {
            expect.codes = vec![2];
        }
        let report = self.name == "check" && flags.contains(&"--format json");
        expect.output = match self.name {
            "probe" => Output::JsonLines,
            _ if report => Output::Report,
            _ => Output::Text,
        };
        world::with_files(Input::new(format!("{} {}", self.name, flags.join(" ")), line, expect))
    }
}

/// Each combination of flags: taken, or refused with nothing done.
pub(crate) fn taken() -> Vec<Input> {
    COMMANDS.iter().flat_map(|command| command.combinations(3, true).into_iter().map(|flags| command.input(&flags, true))).collect()
}

pub(crate) fn refused() -> Vec<Input> {
    COMMANDS.iter().flat_map(|command| command.combinations(3, false).into_iter().map(|flags| command.input(&flags, false))).collect()
}

/// Values that are right for no flag but for one that names a path, as words of shell.
fn nonsense() -> Vec<String> {
    let texts = [
        "",
        " ",
        "-1",
        "--",
        "nan",
        "1e400",
        "99999999999999999999",
        "\u{1b}[31mred",
        "a\nFORGED: line\nerror: x",
        "\u{9b}31m",
        "\u{202e}abc",
        "'\"`$(id)",
        "../../etc/passwd",
        "%s%n",
        "a,b",
        "é\u{300}",
        "\u{7f}\u{8}",
    ];
    let mut words: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    words.push("\"$(printf '\\377\\376')\"".into());
    words.push("\"$(head -c 100000 /dev/zero | tr '\\0' a)\"".into());
    words
}

/// Each flag that has a value, with nonsense.
pub(crate) fn values() -> Vec<Input> {
    let mut inputs = Vec::new();
    for command in COMMANDS {
        for flag in command.flags {
            let (name, value) = match flag.split_once(' ') {
                Some((name, value)) => (name, value),
                None if flag.starts_with("--") => continue,
                None => ("", *flag),
            };
            let with: Vec<_> =
                command.needs.iter().filter(|(one, _)| is(flag, one)).map(|(_, others)| *others.last().expect("one")).collect();
            let with: Vec<_> = with.iter().filter_map(|needed| command.flags.iter().find(|flag| is(flag, needed)).copied()).collect();
            for word in nonsense() {
                let flag = if name.is_empty() { word.clone() } else { format!("{name}={word}") };
                let (line, _) = command.line("", &[&with[..], &[flag.as_str()]].concat());
                let line = line.replacen("exec ", "exec timeout --preserve-status --kill-after 50 --signal TERM 5 ", 1);
                let mut expect = Expect { also: vec![143], may_write: command.may_write.to_vec(), ..Expect::of(command.name) };
                // Names of files may be anything.
                let path = world::FILES.contains(&value)
                    || value.starts_with('/')
                    || name == "--capture"
                    || name == "--bundle"
                    || name == "--status"
                    || name == "--prover"
                    || name == "--tuned";
                // Some of the nonsense is a name.
                let names = [
                    "--namespace",
                    "--name",
                    "--image",
                    "--guard-image",
                    "--client-image",
                    "--seccomp-profile",
                    "--apparmor-profile",
                    "--log-level",
                    "--context",
                    "",
                ];
                let named = names.contains(&name) || command.name == "build" || (command.name, name) == ("render template", "--tls");
                expect.codes = if path || named { vec![] } else { vec![2] };
                expect.may_write.extend(if name == "--capture" { &[""][..] } else { &[] });
                inputs.push(world::with_files(Input::new(format!("{} {name} with nonsense", command.name), line, expect)));
            }
        }
    }
    inputs
}

/// Flags that a help tells and the table does not, or the other way round.
pub(crate) fn unknown(helps: &Documented) -> Vec<String> {
    let mut unknown = Vec::new();
    for command in COMMANDS {
        let known = |name: &str| {
            command.flags.iter().any(|flag| is(flag, name))
                || command.always.contains(name)
                || command.foreign.iter().any(|flag| is(flag, name))
                || command.internal.contains(&name)
                || ["--help", "--quiet", "--verbose", "--log-level"].contains(&name)
        };
        let told = &helps.flags[command.name];
        unknown.extend(
            told.iter()
                .filter(|name| !known(name))
                .map(|name| format!("{} {name}: not in the table of tests/hostile/commands.rs", command.name)),
        );
        let named = command.flags.iter().filter_map(|flag| flag.split(' ').next()).filter(|name| name.starts_with("--"));
        unknown.extend(
            named.filter(|name| !told.iter().any(|told| told == name)).map(|name| format!("{} {name}: not in its help", command.name)),
        );
    }
    unknown
}
