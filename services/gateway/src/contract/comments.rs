//! The comments of the contract: the only documentation there is, so it is sent along.

use std::collections::HashMap;

use prost_reflect::DescriptorPool;

/// Leading comments by file and source path.
#[derive(Debug)]
pub struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    /// Reads the source information of every file.
    pub fn new(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let proto = file.file_descriptor_proto();
            for location in proto.source_code_info.iter().flat_map(|info| &info.location) {
                let text = tidy(location.leading_comments());
                if !text.is_empty() {
                    comments.insert((file.name().to_owned(), location.path.clone()), text);
                }
            }
        }
        Self(comments)
    }

    /// The comment of what stands at `path` in `file`; empty when there is none.
    pub fn at(&self, file: &str, path: &[i32]) -> &str {
        self.0.get(&(file.to_owned(), path.to_vec())).map_or("", String::as_str)
    }
}

/// Joins the lines of a paragraph; an empty line starts a new one.
fn tidy(raw: &str) -> String {
    let mut out = String::new();
    for line in raw.trim().lines().map(str::trim) {
        if line.is_empty() {
            out.push_str("\n\n");
        } else {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push(' ');
            }
            out.push_str(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_methods_are_found() {
        let pool = salient_proto::pool();
        let comments = Comments::new(pool);
        let service = pool.get_service_by_name("salient.profile.v1.ProfileService").unwrap();
        let rpc = service.methods().find(|rpc| rpc.name() == "IngestRecords").unwrap();
        let text = comments.at(rpc.parent_file().name(), rpc.path());
        assert!(text.starts_with("Takes batches of records as a stream; each message is one transaction with its own `request_id`"), "{text}");
    }

    #[test]
    fn lines_are_joined_and_paragraphs_kept() {
        assert_eq!(tidy(" One\n two.\n\n Three.\n"), "One two.\n\nThree.");
    }
}
