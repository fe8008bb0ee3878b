//! Compiles `proto/` without `protoc` (protox parses it), and writes one `Validate`
//! implementation per message from its `buf.validate` rules.
//!
//! The rules become plain Rust instead of being interpreted at run time, because every order
//! line of an import passes them; a rule this script does not know stops the build, so that no
//! rule is ever ignored.

mod validate;

use std::{env, error::Error, fs, path::PathBuf};

use prost_reflect::DescriptorPool;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut files = Vec::new();
    for package in ["common", "profile", "scoring", "recommendation", "feedback"] {
        let directory = root.join("salient").join(package).join("v1");
        for entry in fs::read_dir(&directory)? {
            files.push(entry?.path());
        }
    }
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;
    let encoded = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &encoded)?;

    let pool = DescriptorPool::decode(encoded.as_slice())?;
    fs::write(out.join("validate.rs"), validate::generate(&pool)?)?;

    let mut ours = compiler.file_descriptor_set();
    // the generators know nothing of annotations, which are read from the pool instead
    ours.file.retain(|file| file.package().starts_with("salient.") || file.package() == "google.protobuf");
    let ours = prost_types_round_trip(&ours)?;
    let mut config = prost_build::Config::new();
    config.enable_type_names().btree_map(["."]);
    tonic_prost_build::configure().emit_rerun_if_changed(false).compile_fds_with_config(ours, config)?;
    Ok(())
}

/// protox and the generator may use different versions of the descriptor types.
fn prost_types_round_trip<A: prost::Message, B: prost::Message + Default>(
    set: &A,
) -> Result<B, prost::DecodeError> {
    B::decode(set.encode_to_vec().as_slice())
}
