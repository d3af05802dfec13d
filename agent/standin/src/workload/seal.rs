//! Encryption for a module: only the same module of the same generation reads it again.
//!
//! AES-256-GCM with a key of its own, derived from the module's; module id and generation id are bound in, as the device's
//! daemon binds them.

use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The bytes were not sealed for this module and vector, or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the encryption failed: the text was not encrypted for this module with this vector")]
pub(super) struct SealError;

/// One message's key, nonce and binding.
pub(super) struct Seal {
    key: LessSafeKey,
    nonce: [u8; NONCE_LEN],
    bound: Vec<u8>,
}

impl Seal {
    pub(super) fn new(key: &[u8; 32], module: &str, generation: &str, vector: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(b"workload encryption");
        let derived = mac.finalize().into_bytes();
        let key = UnboundKey::new(&AES_256_GCM, &derived).expect("SHA-256 makes a key of 32 bytes");
        // A vector may have any length, a nonce has one.
        let digest = Sha256::digest(vector);
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&digest[..NONCE_LEN]);
        let mut bound = module.as_bytes().to_vec();
        bound.push(0);
        bound.extend_from_slice(generation.as_bytes());
        Self {
            key: LessSafeKey::new(key),
            nonce,
            bound,
        }
    }

    pub(super) fn close(self, mut plain: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(&self.bound), &mut plain)
            .map_err(|_| SealError)?;
        Ok(plain)
    }

    pub(super) fn open(self, mut sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(&self.bound), &mut sealed);
        opened.map(|plain| plain.to_vec()).map_err(|_| SealError)
    }
}
