//! Reads `facts.tsv`; the head of that file says what the columns mean.

use std::fs;

pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/abi/facts.tsv");

/// The rows of the table, without kind, by kind.
pub struct Facts {
    rows: Vec<Vec<String>>,
}

impl Facts {
    pub fn load() -> Facts {
        Facts::parse(&fs::read_to_string(PATH).unwrap())
    }

    pub fn parse(table: &str) -> Facts {
        let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rows: Vec<Vec<String>> = rows.map(|row| row.split('\t').map(String::from).collect()).collect();
        for row in &rows {
            let columns = match row[0].as_str() {
                "struct" | "union" | "enum" => 4,
                "field" => 6,
                "bits" => 7,
                "macro" | "typedef" | "function" | "data" | "program" => 3,
                kind => panic!("facts.tsv: no such kind: {kind}"),
            };
            assert_eq!(row.len(), columns, "facts.tsv: {row:?}");
        }
        Facts { rows }
    }

    /// The rows of one kind, with `N` columns after the kind.
    pub fn of<const N: usize>(&self, kind: &str) -> Vec<[&str; N]> {
        let rows = self.rows.iter().filter(|row| row[0] == kind);
        rows.map(|row| std::array::from_fn(|column| row[column + 1].as_str())).collect()
    }

    /// The members of a struct or union in order: kind of the row, tag, name, type and so on.
    pub fn members(&self, tag: &str) -> impl Iterator<Item = &[String]> {
        let is_member = move |row: &&Vec<String>| matches!(&*row[0], "field" | "bits") && row[1] == tag;
        self.rows.iter().filter(is_member).map(Vec::as_slice)
    }

    /// Names in the first column of rows of these kinds, sorted.
    pub fn names(&self, kinds: &[&str]) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| kinds.contains(&row[0].as_str()));
        let mut names: Vec<String> = rows.map(|row| row[1].clone()).collect();
        names.sort();
        names
    }

    /// The build options and their defaults.
    pub fn options(&self) -> Vec<(String, usize)> {
        let option = |[name, value]: [&str; 2]| {
            Some((name.to_string(), value.strip_prefix("option ")?.parse().unwrap()))
        };
        self.of("macro").into_iter().filter_map(option).collect()
    }
}
