//! The user of Redis that the workers of one batch come as, and the secret with its password: a pod that was taken over reaches
//! no other batch.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sha2::{Digest as _, Sha256};
use steno_shared::fingerprint::hex;
use steno_shared::leases::worker_user;

use super::names::{record_labels, record_name};
use super::record::Record;
use super::settings::RedisUser;

const PASSWORD: &str = "password";

/// The user of a batch's workers.
#[derive(Clone, PartialEq, Eq)]
pub struct BatchUser {
    /// Its password, 64 hexadecimal digits.
    pub password: String,
    /// Its name, and where pods find the password.
    pub access: RedisUser,
}

impl BatchUser {
    /// The user of a record's batch. Its password follows from the coordinator's own one (HMAC-SHA256, RFC 2104), which it does
    /// not tell: whoever makes it again makes the same, and needs no right to read secrets. A record that is made anew has
    /// another.
    #[must_use]
    pub fn of(record: &Record, coordinator_password: &str) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(coordinator_password.as_bytes())
            .unwrap_or_else(|_| unreachable!("a key of any length will do"));
        mac.update(format!("workers of batch {} {}", record.batch, record.owner.uid).as_bytes());
        let password = hex(&mac.finalize().into_bytes());
        // Made once and never changed: another password is in another secret.
        let version = hex(&Sha256::digest(&password)[..4]);
        let access = RedisUser {
            user: Some(worker_user(&record.batch)),
            secret: format!("{}-redis-{version}", record_name(&record.batch)),
            key: PASSWORD.to_owned(),
        };
        Self { password, access }
    }

    /// The secret with the password, which goes when the record goes.
    #[must_use]
    pub fn secret(&self, record: &Record) -> Secret {
        Secret {
            metadata: ObjectMeta {
                name: Some(self.access.secret.clone()),
                labels: Some(record_labels(&record.batch)),
                owner_references: Some(vec![record.owner.clone()]),
                ..ObjectMeta::default()
            },
            immutable: Some(true),
            string_data: Some(BTreeMap::from([(PASSWORD.to_owned(), self.password.clone())])),
            ..Secret::default()
        }
    }
}

impl std::fmt::Debug for BatchUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the password.
        f.debug_struct("BatchUser").field("access", &self.access).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::record;
    use super::*;

    fn submitted(uid: &str) -> Record {
        let mut record = record();
        record.owner.uid = uid.to_owned();
        record
    }

    #[test]
    fn whoever_makes_it_again_makes_the_same_and_everybody_else_another() {
        let user = BatchUser::of(&submitted("1"), "key");
        assert_eq!(user, BatchUser::of(&submitted("1"), "key"));
        let other_batch = Record { batch: "ba9876543210".parse().unwrap(), ..submitted("1") };
        for other in [
            BatchUser::of(&submitted("1"), "another key"),
            BatchUser::of(&submitted("2"), "key"),
            BatchUser::of(&other_batch, "key"),
        ] {
            assert_ne!(user.password, other.password);
            assert_ne!(user.access.secret, other.access.secret, "a secret is never changed");
        }
        // As any other program works it out.
        assert_eq!(user.password, "680d1fcfb8f42c6d9d9e4d9affb347718402f92bc4f520635a8712cc48c86e09");
        assert!(!format!("{user:?}").contains(&user.password));
    }

    #[test]
    fn the_secret_holds_the_password_and_goes_with_the_record() {
        let record = submitted("1");
        let user = BatchUser::of(&record, "key");
        let secret = user.secret(&record);
        assert_eq!(secret.metadata.name.as_deref(), Some(user.access.secret.as_str()));
        assert_eq!(secret.string_data.unwrap()[&user.access.key], user.password);
        assert_eq!(secret.metadata.owner_references.unwrap(), [record.owner]);
    }
}
