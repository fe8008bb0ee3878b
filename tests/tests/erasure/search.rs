//! Looking for a text in everything that a suite keeps: every column of every table, and every entry
//! of every stream.

use std::collections::BTreeMap;

use salient_store::{Connection as _, Db, Engine, Read, StoreConfig, sql};

/// Texts to look for, as hexadecimal digits of their bytes.
pub struct Needles(Vec<(String, String)>);

impl Needles {
    /// These texts, and each in lower case.
    pub fn new(texts: &[&str]) -> Self {
        let texts = texts.iter().flat_map(|text| [(*text).to_owned(), text.to_lowercase()]);
        Self(texts.map(|text| (hex(text.as_bytes()), text)).collect())
    }

    fn found_in(&self, digits: &str) -> Vec<&str> {
        self.0.iter().filter(|(needle, _)| digits.contains(needle)).map(|(_, text)| text.as_str()).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the needles stand in the stores, as `service.table.column: text`.
pub async fn stores(stores: &BTreeMap<&'static str, StoreConfig>, needles: &Needles) -> Vec<String> {
    let mut found = Vec::new();
    for (service, config) in stores {
        let db = Db::connect(config).await.unwrap();
        let mut read = db.read().await.unwrap();
        for (table, column, blob) in columns(&mut read).await {
            for digits in values(&mut read, &table, &column, blob).await {
                found.extend(
                    needles
                        .found_in(&digits)
                        .iter()
                        .map(|text| format!("{service}.{table}.{column}: {text}")),
                );
            }
        }
        drop(read);
        db.close().await;
    }
    found
}

/// Every column of every table, and whether it holds bytes.
async fn columns(read: &mut Read) -> Vec<(String, String, bool)> {
    let text = match read.engine() {
        Engine::Sqlite => {
            "select t.name, c.name, lower(c.type) = 'blob' from sqlite_master t join pragma_table_info(t.name) c
             where t.type = 'table' and t.name not like 'sqlite_%'"
        }
        Engine::Postgres => {
            "select table_name::text, column_name::text, data_type = 'bytea' from information_schema.columns
             where table_schema = 'public'"
        }
    };
    let columns: Vec<(String, String, bool)> = sql(text).fetch_all(read).await.unwrap();
    assert!(columns.len() > 50, "only {} columns were seen", columns.len());
    columns
}

async fn values(read: &mut Read, table: &str, column: &str, blob: bool) -> Vec<String> {
    let value = match (read.engine(), blob) {
        (Engine::Sqlite, _) => format!("lower(hex(cast(\"{column}\" as blob)))"),
        (Engine::Postgres, true) => format!("encode(\"{column}\", 'hex')"),
        (Engine::Postgres, false) => format!("encode(convert_to(\"{column}\"::text, 'UTF8'), 'hex')"),
    };
    // a statement's text lives as long as the program; there are few columns
    let text = format!("select {value} from \"{table}\" where \"{column}\" is not null").leak();
    let rows: Vec<(String,)> = sql(text).fetch_all(read).await.unwrap();
    rows.into_iter().map(|(value,)| value).collect()
}

/// Where the needles stand in the streams under a prefix, as `key: text`; and how many entries there
/// are.
pub async fn streams(url: &str, prefix: &str, needles: &Needles) -> (Vec<String>, usize) {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{prefix}*")).query_async(&mut connection).await.unwrap();
    assert!(!keys.is_empty(), "no stream was seen");
    let (mut found, mut entries) = (Vec::new(), 0);
    for key in keys {
        let range: Vec<(String, Vec<Vec<u8>>)> =
            redis::cmd("XRANGE").arg(&key).arg("-").arg("+").query_async(&mut connection).await.unwrap();
        entries += range.len();
        for value in range.iter().flat_map(|(_, fields)| fields) {
            found.extend(needles.found_in(&hex(value)).iter().map(|text| format!("{key}: {text}")));
        }
    }
    (found, entries)
}
