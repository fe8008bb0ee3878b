//! The contracts as data: what the gateway, reflection and authorisation read.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{DescriptorPool, Value};

use crate::common::v1::Role;

/// The encoded `FileDescriptorSet` of all contracts and their imports, with source information.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

static POOL: LazyLock<DescriptorPool> = LazyLock::new(decoded);

fn decoded() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET)
        .unwrap_or_else(|error| unreachable!("the build script wrote these descriptors: {error}"))
}

/// A method, as its contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The full name of its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Who may call it; nobody if empty.
    pub roles: Vec<Role>,
}

static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
    // not `pool`, which stays: most services need nothing else of it
    let pool = decoded();
    let Some(option) = pool.get_extension_by_name("salient.common.v1.roles") else {
        return HashMap::new();
    };
    let mut methods = HashMap::new();
    for service in pool.services() {
        for method in service.methods() {
            let options = method.options();
            let roles = match options.get_extension(&option).as_ref() {
                Value::List(values) => values
                    .iter()
                    .filter_map(|value| value.as_enum_number())
                    .filter_map(|number| Role::try_from(number).ok())
                    .collect(),
                _ => Vec::new(),
            };
            let (service, name) = (service.full_name().to_owned(), method.name().to_owned());
            methods.insert(format!("/{service}/{name}"), Method { service, name, roles });
        }
    }
    methods
});

/// The descriptors of all contracts, comments included.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The method at `path`, for example `/salient.profile.v1.ProfileService/GetAccount`.
pub fn method(path: &str) -> Option<&'static Method> {
    METHODS.get(path)
}

/// The roles that may call the method at `path`. Empty for an unknown method and for one that
/// declares none: nobody may call it.
pub fn method_roles(path: &str) -> &'static [Role] {
    method(path).map_or(&[], |method| &method.roles)
}
