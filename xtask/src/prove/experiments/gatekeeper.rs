//! Do Gatekeeper, the stapler and `syspolicy_check` say what we say: no to a rehearsal, yes to what the notary accepted?

use super::{ask, ours};
use crate::prove::{Act, Answer, Experiment, Need, Sample};

/// No Mac may take a rehearsal for a release.
pub const REHEARSAL_REFUSED: Experiment = Experiment {
    id: "rehearsal-refused",
    question: "does macOS refuse a rehearsal everywhere?",
    claim: "codesign does not trust its root, and `stapler`, `spctl` and `syspolicy_check` refuse app and package",
    why: "README promises that no Mac will load a rehearsal; its tickets have the real format and must not be taken for real",
    needs: &[Need::Sample(Sample::Rehearsal)],
    acts: |samples| {
        let (app, pkg) = (samples.app(Sample::Rehearsal), samples.package("pkg"));
        let stapler = |name, path: &std::path::Path| {
            Act::Ask(name, ask("xcrun", "ask the stapler").args(["stapler", "validate", "-v"]).arg(path))
        };
        vec![
            Act::Ask(
                "codesign",
                ask("codesign", "ask codesign").args(["--verify", "--strict=all", "--verbose=4"]).arg(&app),
            ),
            stapler("stapler app", &app),
            stapler("stapler pkg", &pkg),
            Act::Ask(
                "spctl",
                ask("spctl", "ask Gatekeeper").args(["--assess", "--type", "execute", "-vv"]).arg(&app),
            ),
            Act::Ask(
                "spctl pkg",
                ask("spctl", "ask Gatekeeper").args(["--assess", "--type", "install", "-vv"]).arg(&pkg),
            ),
            Act::Ask(
                "syspolicy",
                ask("syspolicy_check", "ask the system policy").arg("distribution").arg(&app),
            ),
        ]
    },
    judge: |evidence| {
        let mut accepted = Vec::new();
        for name in ["codesign", "stapler app", "stapler pkg", "spctl", "spctl pkg", "syspolicy"] {
            if evidence.asked(name)?.is_success() {
                accepted.push(format!("{name} accepts a rehearsal"));
            }
        }
        // Refused for its root and for nothing else: a damaged signature would be refused, too.
        let codesign = evidence.asked("codesign")?;
        if accepted.is_empty() && !codesign.text().contains("CSSMERR_TP_NOT_TRUSTED") {
            return Ok(Answer::Contradicted(format!(
                "codesign refuses it for another reason: {}",
                codesign.first_line()
            )));
        }
        Ok(Answer::unless(
            &accepted,
            "codesign: CSSMERR_TP_NOT_TRUSTED; stapler, spctl and syspolicy_check refuse",
        ))
    },
};

/// What the notary accepted.
pub const NOTARIZED: Experiment = Experiment {
    id: "notarized",
    question: "do we accept the ticket and signature of a notarized product as macOS does?",
    claim: "`stapler validate` accepts it, and so does our verifier",
    why: "our reading of tickets rests on shipped products; each further one is worth having",
    needs: &[Need::Sample(Sample::Notarized)],
    acts: |samples| {
        let path = samples.notarized();
        let kind = if samples.notarized_is_package() { "install" } else { "execute" };
        let given = std::path::PathBuf::from(&path);
        vec![
            Act::Ask(
                "stapler",
                ask("xcrun", "ask the stapler").args(["stapler", "validate", "-v", path.as_str()]),
            ),
            Act::Ask(
                "spctl",
                ask("spctl", "ask Gatekeeper").args(["--assess", "--type", kind, "-vv", path.as_str()]),
            ),
            Act::read("ours", "verify it from its bytes", move || ours::verdict(&given, None)),
        ]
    },
    judge: |evidence| {
        let (stapler, spctl) = (evidence.asked("stapler")?, evidence.asked("spctl")?);
        let ours = evidence.read("ours")?;
        let theirs = stapler.is_success() && spctl.is_success();
        let own = ours.lines().any(|it| it == "verdict accepted");
        let told = |yes: bool| if yes { "accepts" } else { "refuses" };
        let seen = format!("macOS {} it, our verifier {} it", told(theirs), told(own));
        let errors: Vec<&str> = ours.lines().filter(|it| it.starts_with("error ")).collect();
        Ok(match theirs == own {
            true => Answer::Confirmed(seen),
            false => Answer::Contradicted(format!(
                "{seen}: {} {} {}",
                stapler.first_line(),
                spctl.first_line(),
                errors.join("; ")
            )),
        })
    },
};

#[cfg(test)]
mod tests {
    use super::{super::made_up::MadeUp, *};

    fn refused() -> MadeUp {
        let names = ["stapler app", "stapler pkg", "spctl", "spctl pkg", "syspolicy"];
        let made = names.iter().fold(MadeUp::new(), |made, name| made.fails(name, 65, "rejected"));
        made.fails("codesign", 3, "A.app: CSSMERR_TP_NOT_TRUSTED\n")
    }

    #[test]
    fn a_rehearsal_that_anything_accepts_contradicts() {
        refused().check(&REHEARSAL_REFUSED, "confirmed", "NOT_TRUSTED");
        refused().says("stapler pkg", "The validate action worked!").check(
            &REHEARSAL_REFUSED,
            "contradicted",
            "stapler pkg accepts",
        );
        refused().fails("codesign", 1, "A.app: invalid signature").check(
            &REHEARSAL_REFUSED,
            "contradicted",
            "another reason: A.app: invalid signature",
        );
    }

    #[test]
    fn a_notarized_product_is_accepted_by_both_or_refused_by_both() {
        let seen = |stapler, ours: &str| {
            MadeUp::new()
                .fails("stapler", stapler, "worked or not")
                .says("spctl", "accepted")
                .read("ours", ours)
        };
        seen(0, "verdict accepted").check(&NOTARIZED, "confirmed", "macOS accepts it");
        seen(65, "verdict refused\nerror x").check(&NOTARIZED, "confirmed", "refuses");
        seen(0, "verdict refused\nerror ticket-covers x").check(&NOTARIZED, "contradicted", "ticket-covers");
        seen(65, "verdict accepted").check(&NOTARIZED, "contradicted", "worked or not");
    }
}
