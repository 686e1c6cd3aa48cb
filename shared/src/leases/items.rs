//! Listing items, page by page.

use redis::Value;

use super::error::LeaseError;
use super::item::{ItemRow, ItemState};
use super::payload;
use super::queue::{Args, Leases};
use super::reply::Reply;
use super::scripts::ITEMS;
use crate::ids::{Epoch, ItemId, ShardId, WorkerId};

/// About how many items a page looks at: few enough that heartbeats never wait long behind it.
const PAGE: u32 = 500;

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

/// A page of items.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemsPage {
    /// Its items, in no order; may be empty though more follow.
    pub rows: Vec<ItemRow>,
    /// The next page; `None` after the last.
    pub next: Option<Cursor>,
}

impl Leases {
    /// One page of a shard's items, of one state or of all; `None` as the cursor gives the first.
    ///
    /// An item that stays in its state meanwhile is listed at least once, rarely twice.
    ///
    /// # Errors
    /// As any call.
    pub async fn items(
        &self,
        shard: ShardId,
        state: Option<ItemState>,
        cursor: Option<&Cursor>,
    ) -> Result<ItemsPage, LeaseError> {
        let doing = format!("list items of shard {shard} of batch {}", self.batch);
        let args = Args::versioned()
            .and(state.map_or("", ItemState::letter))
            .and(cursor.map_or("0", |Cursor(text)| text))
            .and(PAGE);
        read_page(&doing, self.on_shard(&doing, &ITEMS, shard, args).await?)
    }
}

pub(super) fn read_page(doing: &str, answer: Value) -> Result<ItemsPage, LeaseError> {
    let mut reply = Reply::new(doing, answer)?;
    let next = Some(reply.next::<String>("cursor")?).filter(|next| next != "0").map(Cursor);
    let rows = reply.rows().map(|row| read(row?)).collect::<Result<_, _>>()?;
    Ok(ItemsPage { rows, next })
}

fn read(mut row: Reply<'_>) -> Result<ItemRow, LeaseError> {
    let id = ItemId::from_text(row.next::<String>("id")?);
    let state = row.next_state()?;
    let ms = row.next("length")?;
    let epoch = row.next_number("epoch")?.map(Epoch);
    let attempts = row.next("attempts")?;
    let fails = row.next("fails")?;
    let lost = row.next("lost")?;
    let released = row.next("released")?;
    let owner = row.next_text("owner")?.map(WorkerId::from_text);
    let error_class = row.next_text("class")?;
    let note = row.next_text("note")?;
    let due_in_ms = match row.next_text("due")? {
        Some(text) => Some(text.parse().map_err(|error| row.bad("due", error))?),
        None => None,
    };
    let packed: Vec<u8> = row.next("payload")?;
    let recording = payload::unpack(&packed, ms).map_err(|error| row.bad("payload", error))?;
    let (error, digest) = if state == ItemState::Done { (None, note) } else { (note, None) };
    Ok(ItemRow {
        id,
        state,
        recording,
        epoch,
        attempts,
        fails,
        lost,
        released,
        owner,
        error_class,
        error,
        digest,
        due_in_ms,
    })
}
