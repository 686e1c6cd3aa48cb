//! Chaos: whole runs of the real programs, with real servers behind proxies that spoil things, while processes are killed, stopped
//! and starved. What must hold in the end is in `conservation.rs`, what is done to them in `plan.rs` and `inject.rs`.
//!
//! `make chaos N=1000` makes more faults than `make test` does; a run prints its seed, and `SEED=…` makes the same plan again.

mod backlog;
mod conservation;
mod inject;
mod plan;
mod recovery;
mod report;
mod round;
mod site;

use std::io::Write as _;

use plan::Settings;

/// A hundred-odd faults in `make test`; `make chaos` and `make chaos-each` set the variables.
#[test]
fn nothing_is_lost_and_nothing_twice() -> anyhow::Result<()> {
    let settings = Settings::from_environment()?;
    let plays = if settings.each { settings.each_kind() } else { vec![settings] };
    let rows: Vec<String> = plays.iter().map(play).collect::<anyhow::Result<_>>()?;
    println!("{}", report::table(&rows));
    Ok(())
}

/// What lasts longer than a lease takes its time: by itself, each kind once.
#[test]
fn what_lasts_longer_than_a_lease_costs_nothing_either() -> anyhow::Result<()> {
    play(&Settings::past_the_leases()).map(drop)
}

/// Plays a plan, and gives its row of the table. Full disks need root, wrong clocks a library: whoever has neither is told, and
/// `STENO_CHAOS_WHOLE` makes it an error.
fn play(settings: &Settings) -> anyhow::Result<String> {
    round::say(&settings.command());
    let report = round::play(settings).map_err(|error| error.context(settings.command()))?;
    let row = report.row(&settings.only);
    round::say(&format!("{report}{row}"));
    let missing = report.not_made();
    if !missing.is_empty() {
        let text = format!("chaos: not made, for lack of root or of libfaketime: {}", missing.join(", "));
        anyhow::ensure!(std::env::var_os("STENO_CHAOS_WHOLE").is_none(), "{text}");
        // Past the test's capture: it is to be seen when all passes.
        writeln!(std::io::stderr(), "{text}")?;
    }
    Ok(row)
}
