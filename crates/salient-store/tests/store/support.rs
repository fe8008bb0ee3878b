//! One test body, both engines, a fresh database each time.

use salient_store::{Db, Migrations, StoreConfig};
use tempfile::TempDir;

/// An open database and what keeps it alive.
pub struct Fresh {
    pub db: Db,
    pub config: StoreConfig,
    pub folder: Option<TempDir>,
}

impl Fresh {
    pub async fn sqlite(migrations: &Migrations) -> Self {
        let folder = TempDir::new().unwrap();
        let config = StoreConfig::new(format!("sqlite:{}/test.db", folder.path().display()));
        let db = Db::open(&config, migrations).await.unwrap();
        Self { db, config, folder: Some(folder) }
    }

    pub async fn postgres(migrations: &Migrations) -> Self {
        let server = salient_testkit::Postgres::shared().await.unwrap();
        let config = StoreConfig::new(server.database().await.unwrap());
        let db = Db::open(&config, migrations).await.unwrap();
        Self { db, config, folder: None }
    }
}

/// `both!(migrations; name, other_name)`: a module for each test function with a test per
/// engine. The function is `async fn name(fresh: Fresh)`.
#[macro_export]
macro_rules! both {
    ($migrations:expr; $($name:ident),* $(,)?) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Fresh::sqlite(&$migrations).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Fresh::postgres(&$migrations).await).await;
            }
        }
    )*};
}
