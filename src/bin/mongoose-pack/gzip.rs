//! Compressed variants, which file serving sends to clients that take them.

use super::source::Asset;
use flate2::{Compression, GzBuilder};
use std::io::Write;

/// `NAME.gz` with the compressed contents, if that is worth it.
pub fn variant(asset: &Asset) -> Result<Option<Asset>, String> {
    // No time and no name in the file: equal contents give equal bytes.
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    let data = encoder.write_all(&asset.data).and_then(|()| encoder.finish());
    let data = data.map_err(|e| format!("Cannot compress: {e}"))?;
    let is_worth_it = data.len() + data.len() / 8 < asset.data.len();
    let name = [&asset.name[..], b".gz"].concat();
    Ok(is_worth_it.then_some(Asset { name, data, mtime: asset.mtime }))
}
