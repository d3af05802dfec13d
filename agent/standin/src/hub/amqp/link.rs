//! Links and their sessions: credit, windows, deliveries in pieces (OASIS AMQP 1.0, part 2, 2.5 and 2.6). Pure, and bounded.

use std::collections::{BTreeMap, VecDeque};

use super::address::{Kind, Role};
use super::frame::{self, Layer, Performative, code};
use super::value::Value;

/// Deliveries that a client may send ahead of its credit's renewal.
const CREDIT: u32 = 100;

/// Transfers that a client may send ahead of its window's renewal.
pub(crate) const WINDOW: u32 = 2048;

/// Largest message in bytes that a link takes; edgeHub announces the same (`Constants.cs`).
pub(crate) const MESSAGE: usize = 1024 * 1024;

/// Room of a transfer's frame that its own fields take at most.
const TRANSFER_FIELDS: usize = 64;

/// A link; what the client sends and what it hears are two.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) kind: Kind,
    flow: Flow,
}

#[derive(Debug)]
enum Flow {
    In {
        credit: u32,
        count: u32,
        partial: Option<Delivery>,
    },
    Out {
        credit: u32,
        count: u32,
        /// The client wants its credit used up or given back.
        drains: bool,
        settled: bool,
        waiting: VecDeque<Vec<u8>>,
    },
}

/// A message on its way from the client.
#[derive(Debug, PartialEq)]
pub(crate) struct Delivery {
    pub(crate) id: u32,
    pub(crate) format: u32,
    pub(crate) settled: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Link {
    pub(crate) fn new(kind: Kind, role: Role, settled: bool) -> Self {
        let flow = match role {
            Role::Sender => Flow::In {
                credit: 0,
                count: 0,
                partial: None,
            },
            Role::Receiver => Flow::Out {
                credit: 0,
                count: 0,
                drains: false,
                settled,
                waiting: VecDeque::new(),
            },
        };
        Self { kind, flow }
    }

    /// Bytes that it holds for either side.
    fn held(&self) -> usize {
        match &self.flow {
            Flow::In { partial, .. } => partial.as_ref().map_or(0, |one| one.bytes.len()),
            Flow::Out { waiting, .. } => waiting.iter().map(Vec::len).sum(),
        }
    }
}

/// A session: both windows and its links by the client's handles, which the hub uses for its own end too.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) channel: u16,
    next_incoming: u32,
    window: u32,
    next_outgoing: u32,
    remote_window: u32,
    next_delivery: u32,
    pub(crate) links: BTreeMap<u32, Link>,
}

/// Why a transfer ends the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransferError {
    NoLink,
    TooLarge,
    NoId,
}

impl Session {
    pub(crate) fn new(channel: u16, begin: &Performative) -> Self {
        Self {
            channel,
            next_incoming: begin.number(1).unwrap_or(0),
            window: WINDOW,
            next_outgoing: 0,
            remote_window: begin.number(2).unwrap_or(0),
            next_delivery: 0,
            links: BTreeMap::new(),
        }
    }

    /// Bytes that its links hold.
    pub(crate) fn held(&self) -> usize {
        self.links.values().map(Link::held).sum()
    }

    /// The handle of the link of this kind.
    pub(crate) fn handle_of(&self, kind: Kind) -> Option<u32> {
        let found = self.links.iter().find(|(_, link)| link.kind == kind);
        found.map(|(handle, _)| *handle)
    }

    /// Takes a transfer; the delivery once it is complete.
    pub(crate) fn transfer(
        &mut self,
        transfer: &Performative,
        payload: &[u8],
    ) -> Result<Option<(u32, Delivery)>, TransferError> {
        self.next_incoming = self.next_incoming.wrapping_add(1);
        self.window = self.window.saturating_sub(1);
        let handle = transfer.number(0).ok_or(TransferError::NoLink)?;
        let link = self.links.get_mut(&handle).ok_or(TransferError::NoLink)?;
        let Flow::In {
            credit,
            count,
            partial,
        } = &mut link.flow
        else {
            return Err(TransferError::NoLink);
        };
        let mut delivery = match partial.take() {
            Some(begun) => begun,
            None => Delivery {
                id: transfer.number(1).ok_or(TransferError::NoId)?,
                format: transfer.number(3).unwrap_or(0),
                settled: false,
                bytes: Vec::new(),
            },
        };
        if transfer.flag(9) {
            *count = count.wrapping_add(1);
            *credit = credit.saturating_sub(1);
            return Ok(None);
        }
        delivery.settled |= transfer.flag(4);
        if delivery.bytes.len() + payload.len() > MESSAGE {
            return Err(TransferError::TooLarge);
        }
        delivery.bytes.extend_from_slice(payload);
        if transfer.flag(5) {
            *partial = Some(delivery);
            return Ok(None);
        }
        *count = count.wrapping_add(1);
        *credit = credit.saturating_sub(1);
        Ok(Some((handle, delivery)))
    }

    /// Gives new credit and a new window where half of either is used up.
    pub(crate) fn renew(&mut self) -> Vec<Vec<u8>> {
        let mut due = Vec::new();
        for (handle, link) in &mut self.links {
            if let Flow::In { credit, count, .. } = &mut link.flow
                && *credit <= CREDIT / 2
            {
                *credit = CREDIT;
                due.push(Some((*handle, *count, CREDIT)));
            }
        }
        if self.window <= WINDOW / 2 {
            due.push(None);
        }
        if !due.is_empty() {
            self.window = WINDOW;
        }
        due.into_iter().map(|link| self.flow_frame(link)).collect()
    }

    /// Takes what the client says of windows and credit; frames to answer with.
    pub(crate) fn flow(&mut self, flow: &Performative) -> Vec<Vec<u8>> {
        let end = flow
            .number(0)
            .unwrap_or(0)
            .wrapping_add(flow.number(1).unwrap_or(0));
        self.remote_window = end.wrapping_sub(self.next_outgoing);
        let handle = flow.number(4);
        let mut answer = flow.flag(9).then_some(None);
        if let Some(link) = handle.and_then(|handle| self.links.get_mut(&handle)) {
            let told = handle.unwrap_or_default();
            match &mut link.flow {
                Flow::Out {
                    credit,
                    count,
                    drains,
                    ..
                } => {
                    let end = flow
                        .number(5)
                        .unwrap_or(0)
                        .wrapping_add(flow.number(6).unwrap_or(0));
                    // A client that takes credit back may be behind what was sent already.
                    *credit = end.wrapping_sub(*count);
                    if *credit > u32::MAX / 2 {
                        *credit = 0;
                    }
                    *drains = flow.flag(8);
                    if flow.flag(9) {
                        answer = Some(Some((told, *count, *credit)));
                    }
                }
                Flow::In { credit, count, .. } => {
                    if flow.flag(9) {
                        answer = Some(Some((told, *count, *credit)));
                    }
                }
            }
        }
        answer
            .map(|link| self.flow_frame(link))
            .into_iter()
            .collect()
    }

    fn flow_frame(&self, link: Option<(u32, u32, u32)>) -> Vec<u8> {
        let mut fields = vec![
            Value::Uint(self.next_incoming),
            Value::Uint(self.window),
            Value::Uint(self.next_outgoing),
            Value::Uint(WINDOW),
        ];
        if let Some((handle, count, credit)) = link {
            fields.extend([handle, count, credit].map(Value::Uint));
        }
        frame::encode(Layer::Amqp, self.channel, code::FLOW, fields, &[])
    }

    /// How many more messages the client wants on a link that it hears, beside those that wait for it.
    #[cfg(feature = "hub")]
    pub(crate) fn wants(&self, handle: u32) -> usize {
        match self.links.get(&handle).map(|link| &link.flow) {
            Some(Flow::Out {
                credit, waiting, ..
            }) => usize::try_from(*credit)
                .unwrap_or(usize::MAX)
                .saturating_sub(waiting.len()),
            Some(Flow::In { .. }) | None => 0,
        }
    }

    /// Queues a message for the client on a link that it hears.
    pub(crate) fn send(&mut self, handle: u32, message: Vec<u8>) {
        if let Some(Link {
            flow: Flow::Out { waiting, .. },
            ..
        }) = self.links.get_mut(&handle)
        {
            waiting.push_back(message);
        }
    }

    /// What may go out now, in frames of at most `frame_size` bytes.
    pub(crate) fn pump(&mut self, frame_size: usize) -> Vec<Vec<u8>> {
        let room = frame_size.saturating_sub(TRANSFER_FIELDS).max(1);
        let mut frames = Vec::new();
        let mut drained = Vec::new();
        for (handle, link) in &mut self.links {
            let Flow::Out {
                credit,
                count,
                drains,
                settled,
                waiting,
            } = &mut link.flow
            else {
                continue;
            };
            while *credit > 0
                && let Some(message) = waiting.front()
            {
                let parts = u32::try_from(message.len().div_ceil(room)).unwrap_or(u32::MAX);
                if parts > self.remote_window {
                    break;
                }
                let id = self.next_delivery;
                self.next_delivery = id.wrapping_add(1);
                let mut rest = message.chunks(room).peekable();
                while let Some(part) = rest.next() {
                    let more = rest.peek().is_some();
                    let fields = transfer_fields(*handle, id, *settled, more);
                    let bytes =
                        frame::encode(Layer::Amqp, self.channel, code::TRANSFER, fields, part);
                    frames.push(bytes);
                }
                self.remote_window -= parts;
                self.next_outgoing = self.next_outgoing.wrapping_add(parts);
                *count = count.wrapping_add(1);
                *credit -= 1;
                waiting.pop_front();
            }
            if *drains && waiting.is_empty() {
                *drains = false;
                *count = count.wrapping_add(*credit);
                *credit = 0;
                drained.push((*handle, *count, 0));
            }
        }
        let given_back = drained.into_iter().map(|link| self.flow_frame(Some(link)));
        frames.extend(given_back);
        frames
    }
}

fn transfer_fields(handle: u32, id: u32, settled: bool, more: bool) -> Vec<Value> {
    vec![
        Value::Uint(handle),
        Value::Uint(id),
        // A tag must tell unsettled deliveries of a link apart; the session's own number does.
        Value::Binary(id.to_be_bytes().to_vec().into()),
        Value::Uint(0),
        Value::Bool(settled),
        Value::Bool(more),
    ]
}

#[cfg(test)]
mod tests;
