//! Does Apple's interface generator make of our interfaces what ours makes of them?

use super::{differences, ours};
use crate::{
    error::Result,
    prove::{Act, Answer, Evidence, Experiment, Need, Sample, Samples},
};

/// Both generators on the interfaces of `driver/`.
pub const INTERFACES: Experiment = Experiment {
    id: "interfaces",
    question: "does Apple's `iig` make of our interfaces what ours makes?",
    claim: "message layouts, class descriptions and the ids of Apple's methods are equal; the ids of our own methods may differ, \
            because both sides of such a call come from one generator",
    why: "a driver whose layouts or ids differ is called with the wrong message, and nothing before its first call tells; \
          how Apple derives an id from a name is not known, so pairs of name and id are worth having",
    needs: &[Need::Sample(Sample::Apple), Need::Sample(Sample::Portable)],
    acts,
    judge,
};

fn acts(samples: &Samples) -> Vec<Act> {
    let all = |sample: Sample| {
        let samples = samples.clone();
        move || -> Result<String> {
            let mut text = String::new();
            for name in &samples.interfaces {
                let header = samples.generated(sample, &format!("{name}.h"));
                let implementation = samples.generated(sample, &format!("{name}.iig.cpp"));
                text += &(ours::interface(&header, &implementation)? + "\n");
            }
            Ok(text)
        }
    };
    let own = samples.interfaces.join("\n");
    vec![
        Act::read("own", "list the interfaces of the driver", move || Ok(own.clone())),
        Act::read(
            "apple",
            "read ids, layouts and class descriptions of what Apple's `iig` wrote",
            all(Sample::Apple),
        ),
        Act::read("ours", "read those of what our generator wrote", all(Sample::Portable)),
    ]
}

fn judge(evidence: &Evidence) -> Result<Answer, String> {
    let own: Vec<&str> = evidence.read("own")?.lines().collect();
    // An id of our own method: its value is the generator's affair, its name is not.
    let is_own = |line: &str| own.iter().any(|class| line.starts_with(&format!("id {class}_")));
    let lines = |text: &str| -> Vec<String> {
        let name = |line: &str| match (is_own(line), line.rsplit_once(' ')) {
            (true, Some((name, _))) => name.to_owned(),
            _ => line.to_owned(),
        };
        text.lines().filter(|it| !it.is_empty()).map(name).collect()
    };
    let (apple, ours) = (evidence.read("apple")?, evidence.read("ours")?);
    let count = |kind: &str| apple.lines().filter(|it| it.starts_with(kind)).count();
    if count("class ") == 0 {
        return Err("no class description was found in what Apple's `iig` wrote".to_owned());
    }
    let found = differences("interface", &lines(apple), &lines(ours));
    let seen = format!(
        "{} facts of class descriptions, {} message layouts, {} ids, {} of them of our own methods",
        count("class "),
        count("layout "),
        count("id "),
        apple.lines().filter(|it| is_own(it)).count()
    );
    Ok(Answer::unless(&found, seen))
}

#[cfg(test)]
mod tests {
    use super::{super::made_up::MadeUp, *};

    const SAME: &str =
        "class Usb .name = \"Usb\"\nlayout Usb_Go_Msg { int x }\nid IOService_Start_ID 0x1ull\n";

    fn seen(apple: &str, ours: &str) -> MadeUp {
        MadeUp::new().read("own", "Usb\nUsbClient").read("apple", apple).read("ours", ours)
    }

    #[test]
    fn equal_promises_confirm() {
        seen(SAME, SAME).check(&INTERFACES, "confirmed", "1 message layouts");
    }

    #[test]
    fn the_id_of_our_own_method_may_differ_and_no_other() {
        let with = |id: &str| format!("{SAME}id {id}\n");
        seen(&with("Usb_Go_ID 0x7ull"), &with("Usb_Go_ID 0x8ull")).check(&INTERFACES, "confirmed", "");
        seen(&with("IOUser_Go_ID 0x7ull"), &with("IOUser_Go_ID 0x8ull")).check(
            &INTERFACES,
            "contradicted",
            "IOUser_Go_ID 0x7ull",
        );
        seen(&with("Usb_Go_ID 0x7ull"), SAME).check(
            &INTERFACES,
            "contradicted",
            "only Apple's: id Usb_Go_ID",
        );
    }

    #[test]
    fn another_layout_contradicts() {
        let other = SAME.replace("int x", "int y");
        seen(SAME, &other).check(&INTERFACES, "contradicted", "{ int y }");
    }

    #[test]
    fn nothing_recognised_is_no_confirmation() {
        seen("", "").check(&INTERFACES, "unclear", "no class description");
    }
}
