//! The contracts as data: what the gateway, reflection and authorisation read.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{DescriptorPool, Value};

use crate::common::v1::Role;

/// The encoded `FileDescriptorSet` of all contracts and their imports, with source information.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET)
        .unwrap_or_else(|error| unreachable!("the build script wrote these descriptors: {error}"))
});

static ROLES: LazyLock<HashMap<String, Vec<Role>>> = LazyLock::new(|| {
    let Some(option) = pool().get_extension_by_name("salient.common.v1.roles") else {
        return HashMap::new();
    };
    let mut roles = HashMap::new();
    for service in pool().services() {
        for method in service.methods() {
            let options = method.options();
            let allowed = match options.get_extension(&option).as_ref() {
                Value::List(values) => values
                    .iter()
                    .filter_map(|value| value.as_enum_number())
                    .filter_map(|number| Role::try_from(number).ok())
                    .collect(),
                _ => Vec::new(),
            };
            roles.insert(format!("/{}/{}", service.full_name(), method.name()), allowed);
        }
    }
    roles
});

/// The descriptors of all contracts, comments included.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The roles that may call the method at `path`, for example
/// `/salient.profile.v1.ProfileService/GetAccount`. Empty for an unknown method and for one that
/// declares none: nobody may call it.
pub fn method_roles(path: &str) -> &'static [Role] {
    ROLES.get(path).map_or(&[], Vec::as_slice)
}
