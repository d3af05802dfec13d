//! A name server of the tests' own, which knows the hub, or does not, or says nothing, and an `/etc` that leads a probe to it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, QTYPE, RCODE, ResourceRecord, TYPE};
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the hub is called where a probe has to ask for it.
pub(crate) const HUB_NAME: &str = "hub.adversity.test";
/// A resolver asks at port 53, so the address is these tests' own.
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 94);

/// What becomes of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The hub's address.
    Address(Ipv4Addr),
    /// NXDOMAIN.
    NoSuchName,
    /// SERVFAIL, as from a router that reaches no server.
    Failure,
    /// None.
    Silence,
}

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Names {
    answer: watch::Sender<Answer>,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
    etc: TempDir,
}

impl Names {
    pub(crate) async fn new(hub: Ipv4Addr) -> Names {
        let socket = UdpSocket::bind(SocketAddr::new(SERVER.into(), 53)).await;
        let socket = socket.expect("the address is ours, and tests are root");
        let (answer, answers) = watch::channel(Answer::Address(hub));
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question).await {
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = *answers.borrow();
                if let Some(reply) = reply(&question[..length], answer) {
                    // Whoever does not hear it asks again.
                    let _ = socket.send_to(&reply, from).await;
                }
            }
        });
        let etc = tempfile::tempdir().unwrap();
        // Its patience is the resolver's own, as on a device.
        let resolver = format!("nameserver {SERVER}\n");
        fs::write(etc.path().join("resolv.conf"), resolver).unwrap();
        Names {
            answer,
            asked,
            serving,
            etc,
        }
    }

    /// From the next question on.
    pub(crate) fn set(&self, answer: Answer) {
        self.answer.send_replace(answer);
    }

    /// How many questions came so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A command that becomes this program, in a mount namespace where `/etc` leads to this server and to nobody else.
    pub(crate) fn led_here(&self, program: &Path) -> (&'static str, Vec<PathBuf>) {
        let script = "mount --bind \"$0\" /etc && exec \"$@\"";
        let namespace = ["--mount", "--propagation", "private", "sh", "-c", script];
        let mut words: Vec<PathBuf> = namespace.into_iter().map(PathBuf::from).collect();
        words.extend([self.etc.path().to_owned(), program.to_owned()]);
        ("unshare", words)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn reply(question: &[u8], answer: Answer) -> Option<Vec<u8>> {
    let asked = Packet::parse(question).ok()?;
    let question = asked.questions.first()?;
    let mut reply = Packet::new_reply(asked.id());
    reply.questions.push(question.clone());
    *reply.rcode_mut() = match answer {
        Answer::Address(_) if question.qname.to_string() == HUB_NAME => RCODE::NoError,
        Answer::Address(_) | Answer::NoSuchName => RCODE::NameError,
        Answer::Failure => RCODE::ServerFailure,
        Answer::Silence => return None,
    };
    if let (Answer::Address(address), RCODE::NoError) = (answer, reply.rcode())
        && question.qtype == QTYPE::TYPE(TYPE::A)
    {
        let data = RData::A(A::from(address));
        let record = ResourceRecord::new(question.qname.clone(), CLASS::IN, 1, data);
        reply.answers.push(record);
    }
    reply.build_bytes_vec().ok()
}
