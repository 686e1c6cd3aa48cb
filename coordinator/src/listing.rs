//! Items of a batch, page by page.

use steno_shared::ids::ShardId;
use steno_shared::leases::{ItemRow, ItemState, LeaseError, Leases};

/// Calls `each` for every item of a shard in a state, or in any; rarely twice for the same one.
///
/// # Errors
/// If Redis does not answer.
pub(crate) async fn for_each(
    leases: &Leases,
    shard: ShardId,
    state: Option<ItemState>,
    mut each: impl FnMut(ItemRow),
) -> Result<(), LeaseError> {
    let mut cursor = None;
    loop {
        let page = leases.items(shard, state, cursor.as_ref()).await?;
        page.rows.into_iter().for_each(&mut each);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// All items of a shard in a state, each once, by id.
///
/// # Errors
/// If Redis does not answer.
pub(crate) async fn all(
    leases: &Leases,
    shard: ShardId,
    state: Option<ItemState>,
) -> Result<Vec<ItemRow>, LeaseError> {
    let mut rows = std::collections::BTreeMap::new();
    for_each(leases, shard, state, |row| {
        rows.insert(row.id.clone(), row);
    })
    .await?;
    Ok(rows.into_values().collect())
}
