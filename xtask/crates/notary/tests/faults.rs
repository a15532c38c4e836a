//! Every fault at every step: the right end, nothing lost, nothing handed in twice, and the next run goes on.

mod common;

use common::{Oddities, World};
use notary::{
    Clock as _, Kind, Result,
    ledger::Phase,
    local::{Fault, Harm, Ruling, Step, TicketFault},
    run::Outcome,
};

/// How a run ended, in one word.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Notarized,
    Pending,
    Refused,
    Error(Kind),
}

fn end(result: &Result<Outcome>) -> End {
    match result {
        Ok(Outcome::Notarized(_)) => End::Notarized,
        Ok(Outcome::Pending { .. }) => End::Pending,
        Ok(Outcome::Refused { .. }) => End::Refused,
        Err(error) => End::Error(error.kind),
    }
}

/// The exit code of a command that ended so (cli.md of the tool: 0 done, 1 refused, 3 the service or the network, 4 nothing final, 130 Ctrl-C).
fn check_code(result: &Result<Outcome>, name: &str) {
    let code = match result {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => error.kind.exit_code(),
    };
    let expected = match end(result) {
        End::Notarized => 0,
        End::Refused => 1,
        End::Pending => 4,
        End::Error(Kind::Interrupted) => 130,
        End::Error(_) => 3,
    };
    assert_eq!(code, expected, "{name}");
}

/// What one harm at one step has to lead to, once or for ever.
fn expected(step: Step, harm: Harm, for_ever: bool) -> End {
    use Harm::*;
    let is_s3 = matches!(step, Step::Put | Step::Begin | Step::Part | Step::Complete);
    // Troubles with looking at tickets first stop nobody; afterwards there is no ticket.
    if step == Step::LookUp {
        let is_hard = matches!(harm, Unauthenticated | Agreement | Forbidden | NotFound | Expired);
        return match (for_ever, is_hard) {
            (false, _) => End::Notarized,
            (true, true) => End::Error(Kind::Refused),
            (true, false) => End::Pending,
        };
    }
    match harm {
        // Without an ETag or an upload id there is no way on.
        HalfDocument if step == Step::Begin => End::Error(Kind::Answer),
        HalfDocument if step == Step::Complete => End::Error(Kind::Transient),
        // An upload's answer has no body to cut, or to halve.
        CutAnswer | HalfDocument if matches!(step, Step::Put | Step::Part) => End::Notarized,
        Reset | LostAnswer | CutAnswer | HalfDocument | Hang | Broken | Unavailable | Gateway => {
            match (for_ever, step) {
                // Who cannot ask for the status still sees the ticket.
                (false, _) | (true, Step::Status) => End::Notarized,
                (true, _) => End::Error(Kind::Transient),
            }
        }
        TooMany => match (for_ever, step) {
            (false, _) | (true, Step::Status) => End::Notarized,
            (true, _) if is_s3 || step == Step::Log => End::Error(Kind::Transient),
            (true, _) => End::Error(Kind::Throttled),
        },
        // A log's address is asked for anew, whatever S3 says about the old one.
        Agreement | Forbidden | Expired if step == Step::Log && !for_ever => End::Notarized,
        Agreement | Forbidden | Expired if step == Step::Log => End::Error(Kind::Transient),
        NotFound if step == Step::Log && !for_ever => End::Notarized,
        NotFound if step == Step::Log => End::Error(Kind::Transient),
        Unauthenticated if is_s3 || step == Step::Log => End::Error(Kind::Refused),
        Unauthenticated if for_ever => End::Error(Kind::Credentials),
        Unauthenticated => End::Notarized,
        Agreement | Forbidden if is_s3 => End::Error(Kind::Role),
        Agreement => End::Error(Kind::Agreement),
        Forbidden => End::Error(Kind::Role),
        Expired if is_s3 && for_ever => End::Error(Kind::Expired),
        Expired if is_s3 => End::Notarized,
        Expired => End::Error(Kind::Role),
        // "No such upload" at the end may mean that it was completed before.
        NotFound if step == Step::Complete => End::Error(Kind::Transient),
        NotFound if is_s3 && for_ever => End::Error(Kind::Expired),
        NotFound if is_s3 => End::Notarized,
        NotFound => match (step, for_ever) {
            // A log that does not come is told; the ticket proves the verdict.
            (Step::LogAddress, _) => End::Notarized,
            (Step::Status, false) => End::Notarized,
            _ => End::Error(Kind::NotFound),
        },
    }
}

fn story(step: Step, harm: Harm, times: u32) {
    let for_ever = times == u32::MAX;
    let world = World::new(Oddities { faults: vec![Fault { step, harm, times }], ..Oddities::default() });
    let world =
        if matches!(step, Step::Begin | Step::Part | Step::Complete) { world.in_parts() } else { world };
    let result = world.run();
    let name = format!("{}:{}:{times}", step.name(), harm.name());
    let shown = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert_eq!(end(&result), expected(step, harm, for_ever), "{name}: {shown}\n{}", world.last_said());
    check_code(&result, &name);
    let n_first = world.server.n_uploads();
    // A forgotten id is the one case in which the same bytes may go out again at once.
    let is_forgotten = step == Step::Status && harm == Harm::NotFound && for_ever;
    assert!(n_first <= if is_forgotten { 2 } else { 1 }, "{name}: {n_first} uploads");
    assert!(!world.server.has_mismatch(), "{name}");
    // The trouble is over: the next run gets there, and hands in again only what may never have arrived.
    world.server.mend();
    let result = world.run();
    let shown = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert_eq!(end(&result), End::Notarized, "{name}, second run: {shown}\n{}", world.last_said());
    check_code(&result, &name);
    let n_second = world.server.n_uploads();
    let may_repeat = n_first == 0 || is_forgotten;
    assert!(
        n_second == n_first || (may_repeat && n_second == n_first + 1),
        "{name}: {n_first}, then {n_second} uploads"
    );
    // And one that is done stays done.
    assert_eq!(end(&world.run()), End::Notarized, "{name}, third run");
    assert_eq!(world.server.n_uploads(), n_second, "{name}, third run");
}

#[test]
fn every_fault_at_every_step_ends_as_it_should_and_the_next_run_goes_on() {
    std::thread::scope(|scope| {
        for step in Step::ALL {
            scope.spawn(move || {
                for harm in Harm::ALL {
                    story(step, harm, 1);
                    story(step, harm, u32::MAX);
                }
            });
        }
    });
}

#[test]
fn a_run_killed_at_any_write_is_continued_and_nothing_is_handed_in_twice() {
    for in_parts in [false, true] {
        let mut survived = false;
        for kill_after in 0..20 {
            let world = World::new(Oddities::default());
            let world = if in_parts { world.in_parts() } else { world };
            *world.store.kill_after.borrow_mut() = Some(kill_after);
            let first = world.run();
            survived |= first.is_ok();
            let n_first = world.server.n_uploads();
            *world.store.kill_after.borrow_mut() = None;
            assert_eq!(
                end(&world.run()),
                End::Notarized,
                "killed after {kill_after} writes\n{}",
                world.all_said()
            );
            // What arrived before the kill is not sent again.
            assert_eq!(
                world.server.n_uploads(),
                1,
                "killed after {kill_after} writes, {n_first} uploads before"
            );
        }
        assert!(survived, "twenty writes are more than a run needs");
    }
}

#[test]
fn an_interrupted_wait_is_continued_without_a_second_upload() {
    let world = World::new(Oddities { processing: 600, ..Oddities::default() });
    world.clock.interrupt_at(common::START + 100);
    let result = world.run();
    assert_eq!(end(&result), End::Error(Kind::Interrupted));
    check_code(&result, "interrupted");
    world.clock.interrupt_at(0);
    assert_eq!(end(&world.run()), End::Notarized);
    assert_eq!(world.server.n_uploads(), 1);
}

#[test]
fn an_upload_that_was_interrupted_before_its_last_byte_handed_nothing_in() {
    for in_parts in [false, true] {
        let mut world = World::new(Oddities::default());
        // Several windows, so that there is a time before the last one.
        world.bytes = vec![b'x'; 3 << 20];
        if in_parts {
            world.sizes = notary::upload::Sizes { single: 1, part: 1 << 20 };
        }
        world.interrupt_after = Some(1 << 20);
        let result = world.run();
        assert_eq!(end(&result), End::Error(Kind::Interrupted), "{}", world.all_said());
        check_code(&result, "interrupted upload");
        assert_eq!(world.server.n_uploads(), 0);
        assert_eq!(world.ledger().submissions[0].phase, Phase::Abandoned, "nobody has to wait for it");
        world.interrupt_after = None;
        world.clock.interrupt_at(0);
        let before = world.clock.now();
        assert_eq!(end(&world.run()), End::Notarized);
        assert_eq!(world.server.n_uploads(), 1);
        assert!(world.clock.now() - before < 300, "the next run hands in at once");
    }
}

#[test]
fn a_rerun_of_what_is_notarized_costs_one_look() {
    let world = World::new(Oddities::default());
    assert_eq!(end(&world.run()), End::Notarized);
    let before = world.server.n_requests();
    assert_eq!(end(&world.run()), End::Notarized);
    // The look-up, and the log with its address.
    assert_eq!(world.server.n_requests() - before, 3);
}

#[test]
fn a_lost_ledger_is_found_again_in_the_history() {
    let world = World::new(Oddities { processing: 600, ..Oddities::default() });
    let mut limited = world;
    limited.limits.wait = None;
    let result = limited.run();
    assert_eq!(end(&result), End::Pending);
    check_code(&result, "not waited for");
    *limited.store.text.borrow_mut() = None;
    limited.limits = notary::run::Limits::default();
    assert_eq!(end(&limited.run()), End::Notarized);
    assert_eq!(limited.server.n_uploads(), 1);
    assert!(limited.all_said().contains("were submitted before as"), "{}", limited.all_said());
}

#[test]
fn a_ledger_about_other_bytes_is_set_aside_not_lost() {
    let mut world = World::new(Oddities::default());
    assert_eq!(end(&world.run()), End::Notarized);
    world.bytes.push(b'!');
    assert_eq!(end(&world.run()), End::Notarized);
    assert_eq!((world.store.aside.borrow().len(), world.server.n_uploads()), (1, 2));
}

#[test]
fn a_stuck_submission_is_repeated_once_with_the_reason_and_both_are_watched() {
    let world = World::new(Oddities { ruling: Ruling::Stuck(1), ..Oddities::default() });
    assert_eq!(end(&world.run()), End::Notarized);
    let ledger = world.ledger();
    assert_eq!(world.server.n_uploads(), 2);
    assert_eq!(ledger.submissions.len(), 2);
    assert!(
        ledger.submissions.iter().any(|it| it.again.as_deref() == Some("no verdict after 45 minutes")),
        "{ledger:?}"
    );
}

#[test]
fn what_is_stuck_for_ever_is_pending_and_was_repeated_only_once() {
    let world = World::new(Oddities { ruling: Ruling::Stuck(u32::MAX), ..Oddities::default() });
    assert_eq!(end(&world.run()), End::Pending);
    assert_eq!(end(&world.run()), End::Pending);
    assert_eq!(world.server.n_uploads(), 2);
}

#[test]
fn an_id_that_vanishes_is_not_the_end() {
    let world = World::new(Oddities { ruling: Ruling::Vanishing(1), ..Oddities::default() });
    assert_eq!(end(&world.run()), End::Notarized);
    assert!(world.ledger().submissions.iter().any(|it| it.phase == Phase::Vanished));
}

#[test]
fn a_rejected_team_is_told_and_its_product_not_repeated() {
    let world = World::new(Oddities { ruling: Ruling::Rejected, ..Oddities::default() });
    let Ok(Outcome::Refused { log: Some(log), .. }) = world.run() else { panic!("{}", world.all_said()) };
    assert_eq!(log.status_code, Some(7000));
    assert_eq!(notary::issue::explain(&log.status_summary).unwrap().id, "notary-team-not-configured");
    assert_eq!(world.server.n_uploads(), 1);
}

#[test]
fn an_invalid_product_is_refused_with_its_log_and_stays_refused() {
    let mut world = World::new(Oddities::default());
    world.bytes = b"unsigned".to_vec();
    for _ in 0..2 {
        let result = world.run();
        check_code(&result, "refused");
        let Ok(Outcome::Refused { log: Some(log), .. }) = result else { panic!("{}", world.all_said()) };
        assert_eq!(log.issues[0].message, "The binary is not signed.");
    }
    assert_eq!((world.server.n_uploads(), world.store.logs.borrow().len()), (1, 1));
}

#[test]
fn an_unknown_status_is_waited_out_and_never_taken_for_a_verdict() {
    let world =
        World::new(Oddities { ruling: Ruling::Unknown, tickets: TicketFault::Never, ..Oddities::default() });
    assert_eq!(end(&world.run()), End::Pending);
    assert!(world.all_said().contains("`Pondering`"));
}

#[test]
fn a_ticket_that_is_late_is_waited_for_and_one_that_never_comes_is_pending() {
    let world = World::new(Oddities { propagation: 400, ..Oddities::default() });
    assert_eq!(end(&world.run()), End::Notarized);
    let world = World::new(Oddities { tickets: TicketFault::Never, ..Oddities::default() });
    assert_eq!(end(&world.run()), End::Pending);
    assert_eq!(end(&world.run()), End::Pending);
    assert_eq!(world.server.n_uploads(), 1);
}

#[test]
fn a_ticket_that_is_damaged_or_covers_other_code_is_never_a_success() {
    for tickets in [TicketFault::Corrupted, TicketFault::OfAnother] {
        let world = World::new(Oddities { tickets, ..Oddities::default() });
        assert_eq!(end(&world.run()), End::Error(Kind::Answer), "{tickets:?}");
    }
    let world = World::new(Oddities { tickets: TicketFault::Duplicate, ..Oddities::default() });
    assert_eq!(end(&world.run()), End::Notarized);
}
