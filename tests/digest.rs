//! Digests on the contexts of the C API against the crates' own, fed in random pieces.

use mongoose::abi::{Md5Context, Sha1Context, Sha256Context, Sha384Context};
use mongoose::capi::digest::*;
use proptest::collection::vec;
use proptest::prelude::*;
use sha2::Digest;

/// Feeds `data` to a context in pieces of the given sizes (the last one takes what is left).
macro_rules! feed {
    ($context:ty, $init:ident, $update:ident, $data:expr, $pieces:expr, $finish:expr) => {{
        let mut context = core::mem::MaybeUninit::<$context>::zeroed();
        let context = context.as_mut_ptr();
        let mut digest = vec![0; 64];
        // SAFETY: a context and slices, all live.
        unsafe {
            $init(context);
            let mut rest: &[u8] = $data;
            for &size in $pieces {
                let (piece, behind) = rest.split_at(rest.len().min(size));
                $update(context, piece.as_ptr(), piece.len());
                rest = behind;
            }
            $update(context, rest.as_ptr(), rest.len());
            $finish(digest.as_mut_ptr(), context);
        }
        digest
    }};
}

proptest! {
    #[test]
    fn pieces_do_not_matter(data in vec(any::<u8>(), 0..700), pieces in vec(0usize..200, 0..12)) {
        let md5 = feed!(Md5Context, mg_md5_init, mg_md5_update, &data, &pieces, |d, c| mg_md5_final(c, d));
        prop_assert_eq!(&md5[..16], &md5::Md5::digest(&data)[..]);
        prop_assert!(md5[16..].iter().all(|&b| b == 0), "written past the digest");
        let sha1 = feed!(Sha1Context, mg_sha1_init, mg_sha1_update, &data, &pieces, |d, c| mg_sha1_final(d, c));
        prop_assert_eq!(&sha1[..20], &sha1::Sha1::digest(&data)[..]);
        prop_assert!(sha1[20..].iter().all(|&b| b == 0), "written past the digest");
        let sha256 =
            feed!(Sha256Context, mg_sha256_init, mg_sha256_update, &data, &pieces, |d, c| mg_sha256_final(d, c));
        prop_assert_eq!(&sha256[..32], &sha2::Sha256::digest(&data)[..]);
        prop_assert!(sha256[32..].iter().all(|&b| b == 0), "written past the digest");
        let sha384 =
            feed!(Sha384Context, mg_sha384_init, mg_sha384_update, &data, &pieces, |d, c| mg_sha384_final(d, c));
        prop_assert_eq!(&sha384[..48], &sha2::Sha384::digest(&data)[..]);
        prop_assert!(sha384[48..].iter().all(|&b| b == 0), "written past the digest");
    }

    #[test]
    fn any_bytes_in_a_context_are_survived(bytes in vec(any::<u8>(), 216), data in vec(any::<u8>(), 0..300)) {
        // A program may forget init.
        let mut digest = [0u8; 64];
        let mut memory = [0u64; 27];
        for (word, bytes) in memory.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        let context = memory.as_mut_ptr();
        // SAFETY: the memory is as large and as aligned as the largest context, and any bytes are one.
        unsafe {
            mg_md5_update(context.cast(), data.as_ptr(), data.len());
            mg_md5_final(context.cast(), digest.as_mut_ptr());
            mg_sha1_update(context.cast(), data.as_ptr(), data.len());
            mg_sha1_final(digest.as_mut_ptr(), context.cast());
            mg_sha256_update(context.cast(), data.as_ptr(), data.len());
            mg_sha256_final(digest.as_mut_ptr(), context.cast());
            mg_sha384_update(context.cast(), data.as_ptr(), data.len());
            mg_sha384_final(digest.as_mut_ptr(), context.cast());
        }
    }
}
