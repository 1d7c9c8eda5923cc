//! Colours, where somebody looks.

use std::io::IsTerminal;

#[derive(Debug, Clone, Copy)]
pub enum Colour {
    Green = 32,
    Yellow = 33,
    Red = 31,
    Grey = 90,
}

/// Coloured on a terminal that wants it (`NO_COLOR` is honoured), else as it is.
pub fn paint(text: &str, colour: Colour) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{}m{text}\x1b[0m", colour as u8)
    } else {
        text.to_owned()
    }
}
