//! Clients that ask for a host by a name that is none, such as `a..b`. rustls 0.23 refuses them;
//! other servers continue as if the client had not named a host (so does rustls 0.24, by its
//! `InvalidSniPolicy`).
//!
//! Such a name is hidden from rustls: its extension gets a type that rustls does not know and so
//! ignores. What both sides hash must be what the client sent, so the type is put back wherever the
//! message is hashed ([`restored`]). That is so from the moment at which a session processes the
//! message: it says where the type is with [`while_hidden`].

use crate::codec::tls::hello::{self, CLIENT_HELLO, Extension, HEADER, Records, SERVER_NAME};
use core::cell::Cell;
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::pki_types::ServerName;

/// What comes first of a client: until its ClientHello is complete.
#[derive(Default)]
pub struct Opening {
    records: Records,
    hellos: usize,
    /// The newest.
    pub hello: Hello,
}

/// What matters in a ClientHello.
#[derive(Clone, Copy, Default)]
pub struct Hello {
    /// Where in it the type is that was changed.
    pub hidden: Option<usize>,
    /// It offers TLS 1.3 without an extension that this demands (RFC 8446, 9.2).
    pub lacks_extension: bool,
}

/// supported_groups, signature_algorithms, key_share.
const DEMANDED: [u16; 3] = [10, 13, 51];

impl Opening {
    /// Takes bytes until there is a whole record, and returns that, as rustls is to see it.
    pub fn collect(&mut self, received: &mut &[u8]) -> Option<Vec<u8>> {
        let mut record = self.records.collect(received)?;
        self.hide(&mut record);
        Some(record)
    }

    /// True when another ClientHello may follow after `record`. `asks_again`: the server has sent a
    /// HelloRetryRequest.
    pub fn goes_on(&self, record: &[u8], asks_again: bool) -> bool {
        hello::goes_on(record, self.hellos, asks_again)
    }

    fn hide(&mut self, record: &mut [u8]) {
        let Some(extensions) = hello::handshake(record).and_then(hello::extensions) else { return };
        self.hellos += 1;
        let has = |kind| extensions.iter().any(|e| e.kind == kind);
        self.hello.lacks_extension =
            extensions.iter().any(Extension::offers_tls13) && !DEMANDED.into_iter().all(has);
        let is_odd = |e: &&Extension<'_>| e.host().is_some_and(|host| ServerName::try_from(host).is_err());
        let odd = extensions.iter().find(is_odd);
        // For private use (RFC 8446, section 11).
        let unused = (0xff02..=0xffff).find(|kind| !has(*kind));
        let (Some(at), Some(unused)) = (odd.map(|odd| odd.at), unused) else { return };
        record[HEADER + at..][..2].copy_from_slice(&u16::to_be_bytes(unused));
        self.hello.hidden = Some(at);
    }
}

thread_local! {
    static HIDDEN: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Processes messages of a session whose ClientHello was changed at `hidden`.
pub fn while_hidden<R>(hidden: Option<usize>, process: impl FnOnce() -> R) -> R {
    /// Also when a panic unwinds: what this thread hashes next belongs to other sessions.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            HIDDEN.set(None);
        }
    }
    HIDDEN.set(hidden);
    let _reset = Reset;
    process()
}

/// A transcript as the client sent it.
pub fn restored(transcript: &[u8]) -> [&[u8]; 3] {
    const TYPE: &[u8] = &SERVER_NAME.to_be_bytes();
    match HIDDEN.get().and_then(|at| transcript.split_at_checked(at)) {
        Some((before, [_, _, after @ ..])) if before.first() == Some(&CLIENT_HELLO) => [before, TYPE, after],
        _ => [transcript, &[], &[]],
    }
}

/// A hash function that restores what was changed.
pub struct Restoring(pub &'static dyn Hash);

struct RestoringContext(Box<dyn Context>);

impl Hash for Restoring {
    fn start(&self) -> Box<dyn Context> {
        let context = self.0.start();
        if HIDDEN.get().is_none() { context } else { Box::new(RestoringContext(context)) }
    }

    fn hash(&self, data: &[u8]) -> Output {
        self.0.hash(data)
    }

    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.0.algorithm()
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

impl Context for RestoringContext {
    fn fork_finish(&self) -> Output {
        self.0.fork_finish()
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(RestoringContext(self.0.fork()))
    }

    fn finish(self: Box<Self>) -> Output {
        self.0.finish()
    }

    fn update(&mut self, data: &[u8]) {
        for part in restored(data) {
            self.0.update(part);
        }
    }
}
