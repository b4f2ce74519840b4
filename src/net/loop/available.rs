//! How much memory this process may use: that of the machine, of its control group, of its own limit.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Bytes that this process may use; `None` when unknown.
pub fn available() -> Option<u64> {
    let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = of_groups(&groups, Path::new("/sys/fs/cgroup"));
    [physical(), address_space(), group].into_iter().flatten().min()
}

fn physical() -> Option<u64> {
    // SAFETY: asks for numbers.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    u64::try_from(pages).ok()?.checked_mul(u64::try_from(size).ok()?)
}

#[allow(clippy::useless_conversion, reason = "the limit has 32 bits on some platforms")]
fn address_space() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct is valid for writes.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0;
    (known && limit.rlim_cur != libc::RLIM_INFINITY).then(|| limit.rlim_cur.into())
}

/// The least limit of the control groups that `text`, /proc/self/cgroup, names, and of those that they
/// are in. `mount` has the unified hierarchy, and that of version 1 in `memory`.
fn of_groups(text: &str, mount: &Path) -> Option<u64> {
    let of_line = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (mount.to_path_buf(), "memory.max"),
            list if list.split(',').any(|name| name == "memory") => {
                (mount.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        of_path(&root, path, file)
    };
    text.lines().filter_map(of_line).min()
}

/// The least limit of a group and of those that it is in. A container may see its own group as the root,
/// whatever its path says.
fn of_path(root: &Path, path: &str, file: &str) -> Option<u64> {
    let inside: PathBuf = Path::new(path).components().skip(1).collect();
    let groups = inside.ancestors().filter(|group| !group.starts_with(".."));
    // No limit is "max", or a number near the largest that there is.
    groups.filter_map(|group| read_to_string(root.join(group).join(file)).ok()?.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn limits_of_groups() {
        let mount = std::env::temp_dir().join(format!("mongoose-groups-{}", std::process::id()));
        let set = |path: &str, text: &str| {
            let path = mount.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        set("a/memory.max", "5000\n");
        set("a/b/memory.max", "max\n");
        set("c/memory.max", "7000\n");
        set("memory/memory.limit_in_bytes", "9223372036854771712\n");
        set("memory/d/e/memory.limit_in_bytes", "3000\n");
        for (text, expected) in [
            ("0::/a/b\n", Some(5000)),
            ("0::/c\n", Some(7000)),
            ("0::/c/missing\n", Some(7000)),
            ("0::/\n", None),
            ("0::/../c\n", None),
            ("", None),
            ("nonsense\n1:x\n", None),
            ("3:cpu,memory:/d/e\n0::/c\n", Some(3000)),
            ("3:memory:/elsewhere\n", Some(9_223_372_036_854_771_712)),
            ("3:memories:/d/e\n", None),
        ] {
            assert_eq!(of_groups(text, &mount), expected, "{text:?}");
        }
        fs::remove_dir_all(&mount).unwrap();
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
