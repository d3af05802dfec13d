//! The two ends of a default route, against what the offer itself brings: one module.

use super::customer_values::is_placeholder_name;
use super::remarks::Remarks;
use crate::offer::Offer;
use crate::route::{Compiled, Fault, Reach, Sink, Span};

/// Names that a route may use for modules.
#[derive(Debug)]
pub(super) struct Names {
    /// The candidate's name as the marketplace proposes it.
    proposed: String,
    /// What the candidate is called, in small letters and digits alone.
    own: [String; 2],
    /// What stands for a placeholder while the route is read.
    filled: Vec<String>,
}

impl Names {
    /// The offer's own: the name that the marketplace proposes, and the offer's id.
    pub(super) fn of(offer: &Offer) -> Names {
        Names {
            proposed: offer.default_module_name(),
            own: [
                comparable(&offer.default_module_name()),
                comparable(&offer.offer_id),
            ],
            filled: Vec::new(),
        }
    }

    /// The text with every `<PLACEHOLDER>` as a name of the same length, so that columns stay; `None` if it has none.
    pub(super) fn fill(&mut self, text: &str) -> Option<String> {
        let mut filled = String::with_capacity(text.len());
        let mut parts = text.split('<');
        filled.push_str(parts.next()?);
        for part in parts {
            match part.split_once('>') {
                Some((name, rest)) if is_placeholder_name(name) => {
                    let name = format!("_{name}_");
                    filled.push_str(&name);
                    filled.push_str(rest);
                    self.filled.push(name);
                }
                Some(_) | None => {
                    filled.push('<');
                    filled.push_str(part);
                }
            }
        }
        (!self.filled.is_empty()).then_some(filled)
    }

    /// Whether a module of this name is the candidate.
    pub(super) fn is_own(&self, module: &str) -> bool {
        self.own.contains(&comparable(module))
    }

    /// Neither the candidate nor a name that customers are asked to fill in.
    fn is_foreign(&self, module: &str) -> bool {
        let placeholder = module
            .strip_prefix('<')
            .and_then(|name| name.strip_suffix('>'))
            .is_some_and(is_placeholder_name);
        !self.is_own(module) && !placeholder && !self.filled.iter().any(|name| name == module)
    }
}

fn comparable(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// The ends of one route.
#[derive(Debug)]
pub(super) struct Endpoints<'r> {
    compiled: &'r Compiled,
    names: &'r Names,
}

impl<'r> Endpoints<'r> {
    pub(super) fn of(compiled: &'r Compiled, names: &'r Names) -> Endpoints<'r> {
        Endpoints { compiled, names }
    }

    /// Remarks on ends that cannot exist, and on those that the offer does not bring.
    pub(super) fn judge(&self, place: &impl Fn(&Fault) -> String, remarks: &mut Remarks) {
        let route = &self.compiled.route;
        let told = |at: Span, message: String| place(&Fault { at, message });
        let mut own_source = false;
        match self.compiled.source.reach() {
            Reach::All | Reach::EveryModule | Reach::TwinChanges => {}
            Reach::Nothing(why) => remarks.breach(
                told(
                    route.source_at,
                    format!("no message comes from {}: {why}", route.source),
                ),
                "name a source such as /messages/* or /messages/modules/<module>/outputs/<output>",
            ),
            Reach::Module { module, .. } if self.names.is_foreign(&module) => remarks.doubt(
                told(
                    route.source_at,
                    format!("the offer brings no module `{module}`"),
                ),
                self.mend(),
            ),
            Reach::Module { module, .. } => own_source = self.names.is_own(&module),
        }
        let Sink::Module {
            quoted,
            module,
            input,
        } = &route.sink
        else {
            return;
        };
        let at = route.sink_at;
        if module.trim().is_empty() || input.trim().is_empty() {
            remarks.breach(
                told(at, format!("the sink has no module or no input: {quoted}")),
                "write BrokeredEndpoint(\"/modules/<module>/inputs/<input>\")",
            );
        } else if self.names.is_foreign(module) {
            remarks.doubt(
                told(
                    at,
                    format!("the offer brings no module `{module}`; its messages wait until their time is up"),
                ),
                self.mend(),
            );
        } else if own_source && self.names.is_own(module) {
            remarks.doubt(
                told(at, format!("`{module}` gets what it sent itself")),
                "route a module's messages to another module or to $upstream",
            );
        }
        let words: Vec<&str> = quoted.split('/').map(str::trim).collect();
        if !(words.contains(&"modules")
            || words.contains(&"'modules")
            || words.contains(&"\"modules"))
            || !words.contains(&"inputs")
        {
            remarks.doubt(
                told(
                    at,
                    format!("edgeHub does not read the words around module and input in {quoted}"),
                ),
                "write them as they are documented: /modules/<module>/inputs/<input>",
            );
        }
    }

    fn mend(&self) -> String {
        let proposed = &self.names.proposed;
        format!(
            "call the module `{proposed}`, as the marketplace does by default, and a module of somebody else <FROM_MODULE_NAME>"
        )
    }
}
