//! Host names in ASCII (RFC 3492).

const BASE: u32 = 36;
const TMIN: u32 = 1;
const TMAX: u32 = 26;

/// Each label that holds other than ASCII becomes `xn--…`. `None` where a name is too long for
/// that.
pub fn to_ascii(host: &str) -> Option<String> {
    let labels = host.split(['.', '\u{3002}']).map(|label| {
        if label.is_ascii() {
            Some(label.to_owned())
        } else {
            encode(label).map(|label| format!("xn--{label}"))
        }
    });
    labels.collect::<Option<Vec<_>>>().map(|labels| labels.join("."))
}

/// RFC 3492 section 6.3.
fn encode(label: &str) -> Option<String> {
    let mut output: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(output.len()).ok()?;
    if basic > 0 {
        output.push('-');
    }
    let (mut next, mut delta, mut bias, mut handled) = (128u32, 0u32, 72u32, basic);
    let length = u32::try_from(label.chars().count()).ok()?;
    while handled < length {
        let smallest = label.chars().map(u32::from).filter(|point| *point >= next).min()?;
        delta = delta.checked_add((smallest - next).checked_mul(handled + 1)?)?;
        next = smallest;
        for point in label.chars().map(u32::from) {
            if point < next {
                delta = delta.checked_add(1)?;
            }
            if point == next {
                write_number(&mut output, delta, bias);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        next += 1;
    }
    Some(output)
}

fn write_number(output: &mut String, mut number: u32, bias: u32) {
    for step in 1.. {
        let threshold = (step * BASE).saturating_sub(bias).clamp(TMIN, TMAX);
        if number < threshold {
            break;
        }
        output.push(digit(threshold + (number - threshold) % (BASE - threshold)));
        number = (number - threshold) / (BASE - threshold);
    }
    output.push(digit(number));
}

fn digit(value: u32) -> char {
    char::from_digit(if value < 26 { value + 10 } else { value - 26 }, BASE).unwrap_or('a')
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut bias = 0;
    while delta > (BASE - TMIN) * TMAX / 2 {
        delta /= BASE - TMIN;
        bias += BASE;
    }
    bias + (BASE - TMIN + 1) * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From RFC 3492 section 7.1, in lower case, and a few names of the day.
    #[test]
    fn labels_encode_as_the_rfc_has_it() {
        let rows = [
            ("b\u{fc}cher", "bcher-kva"),
            ("m\u{fc}nchen-ost", "mnchen-ost-9db"),
            (
                "\u{4ED6}\u{4EEC}\u{4E3A}\u{4EC0}\u{4E48}\u{4E0D}\u{8BF4}\u{4E2D}\u{6587}",
                "ihqwcrb4cv8a8dqg056pqjye",
            ),
            (
                "\u{43F}\u{43E}\u{447}\u{435}\u{43C}\u{443}\u{436}\u{435}\u{43E}\u{43D}\u{438}\u{43D}\u{435}\u{433}\u{43E}\u{432}\u{43E}\u{440}\u{44F}\u{442}\u{43F}\u{43E}\u{440}\u{443}\u{441}\u{441}\u{43A}\u{438}",
                "b1abfaaepdrnnbgefbadotcwatmq2g4l",
            ),
            (
                "\u{5B89}\u{5BA4}\u{5948}\u{7F8E}\u{6075}-with-super-monkeys",
                "-with-super-monkeys-pc58ag80a8qai00g7n9n",
            ),
            ("3\u{5E74}b\u{7D44}\u{91D1}\u{516B}\u{5148}\u{751F}", "3b-ww4c5e180e575a65lsy2b"),
        ];
        for (label, expected) in rows {
            assert_eq!(encode(label).as_deref(), Some(expected), "{label}");
        }
        assert_eq!(
            to_ascii("www.b\u{fc}cher.example").as_deref(),
            Some("www.xn--bcher-kva.example")
        );
    }
}
