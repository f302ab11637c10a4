//! Objects with their finished documents, the keys by which they are found, and tombstones.

use super::{IDS, id, parts};
use crate::{
    store::{
        error::Error,
        pool::{Store, Tx},
        statement::{Arg, Source, Statement, fetch},
    },
    translation::index::Entry,
};

/// An object as the replica holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectRow {
    /// Its id.
    pub id: String,
    /// What others show of it.
    pub name: Option<String>,
    /// What Graph said, as JSON.
    pub entity: String,
    /// The finished document, without what is joined when it is read.
    pub body: String,
    /// Places in `body` where links begin: four bytes each, big endian.
    pub links: Vec<u8>,
    /// `meta.created`
    pub created: Option<String>,
    /// When the present state was first seen, in microseconds.
    pub modified: i64,
    /// The snapshot that saw it last.
    pub generation: i64,
    /// The last own write, in microseconds; 0 for none.
    pub written: i64,
    /// What own writes took the place of, as JSON.
    pub guard: Option<String>,
}

/// What an answer shows of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// As [`ObjectRow::body`].
    pub body: String,
    /// As [`ObjectRow::links`].
    pub links: Vec<u8>,
    /// `meta.created`
    pub created: Option<String>,
    /// `meta.lastModified`, in microseconds.
    pub modified: i64,
}

/// A deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Of what.
    pub id: String,
    /// When, in microseconds.
    pub at: i64,
    /// Whether it was deleted here.
    pub own: bool,
}

fn of_kind(sql: &str, tenant: &str, kind: &str) -> Statement {
    let mut statement = Statement::new(sql);
    statement.push(" WHERE tenant = ").bind(tenant);
    statement.push(" AND kind = ").bind(kind);
    statement
}

fn with_ids(sql: &str, tenant: &str, kind: &str, ids: &[String]) -> Statement {
    let mut statement = of_kind(sql, tenant, kind);
    statement.push(" AND id IN (");
    statement.bind_ids(ids).push(")");
    statement
}

const COLUMNS: &str =
    "id, name, entity, body, links, created, modified, generation, written, guard";

/// The objects with those ids, in no order.
async fn objects(
    mut from: Source<'_>,
    tenant: &str,
    kind: &str,
    ids: &[String],
) -> Result<Vec<ObjectRow>, Error> {
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS) {
        let sql = format!("SELECT {COLUMNS} FROM replica_objects");
        let rows = fetch!(
            from.again(),
            "read objects",
            with_ids(&sql, tenant, kind, ids),
            |row| ObjectRow {
                id: id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?),
                name: row.try_get(1)?,
                entity: row.try_get(2)?,
                body: row.try_get(3)?,
                links: row.try_get(4)?,
                created: row.try_get(5)?,
                modified: row.try_get(6)?,
                generation: row.try_get(7)?,
                written: row.try_get(8)?,
                guard: row.try_get(9)?,
            }
        )?;
        all.extend(rows);
    }
    Ok(all)
}

/// The names of the objects with those ids.
async fn names(
    mut from: Source<'_>,
    tenant: &str,
    kind: &str,
    ids: &[String],
) -> Result<Vec<(String, Option<String>)>, Error> {
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS) {
        let sql = "SELECT id, name FROM replica_objects";
        let rows = fetch!(
            from.again(),
            "read names",
            with_ids(sql, tenant, kind, ids),
            |row| (
                id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?),
                row.try_get::<Option<String>, _>(1)?,
            )
        )?;
        all.extend(rows);
    }
    Ok(all)
}

impl Store {
    /// The objects with those ids, in no order.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn objects(
        &self,
        tenant: &str,
        kind: &str,
        ids: &[String],
    ) -> Result<Vec<ObjectRow>, Error> {
        objects(self.into(), tenant, kind, ids).await
    }

    /// The names of the objects with those ids.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn object_names(
        &self,
        tenant: &str,
        kind: &str,
        ids: &[String],
    ) -> Result<Vec<(String, Option<String>)>, Error> {
        names(self.into(), tenant, kind, ids).await
    }

    /// What answers show of the objects with those ids, in no order.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn shown(
        &self,
        tenant: &str,
        kind: &str,
        ids: &[String],
    ) -> Result<Vec<Shown>, Error> {
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS) {
            let sql = "SELECT id, body, links, created, modified FROM replica_objects";
            let rows = fetch!(
                Source::from(self),
                "read documents",
                with_ids(sql, tenant, kind, ids),
                |row| Shown {
                    id: id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?),
                    body: row.try_get(1)?,
                    links: row.try_get(2)?,
                    created: row.try_get(3)?,
                    modified: row.try_get(4)?,
                }
            )?;
            all.extend(rows);
        }
        Ok(all)
    }

    /// The moment of an object, and the sum of those named counts; `None` when it is not there.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn moment(
        &self,
        tenant: &str,
        kind: &str,
        id: &str,
        counts: &[&str],
    ) -> Result<Option<(i64, i64)>, Error> {
        let mut sql = Statement::new(
            "SELECT o.modified, coalesce((SELECT CAST(sum(s.number) AS BIGINT)
                 FROM replica_state s WHERE s.tenant = o.tenant AND s.name IN (",
        );
        sql.bind_all(counts.iter().copied());
        sql.push(")), 0) FROM replica_objects o WHERE o.tenant = ");
        sql.bind(tenant).push(" AND o.kind = ").bind(kind);
        sql.push(" AND o.id = ").bind(id::to_bytes(id));
        let rows = fetch!(Source::from(self), "read a moment", sql, |row| (
            row.try_get::<i64, _>(0)?,
            row.try_get::<i64, _>(1)?
        ))?;
        Ok(rows.first().copied())
    }

    /// When an object was deleted, if the replica saw it.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn tombstone(
        &self,
        tenant: &str,
        kind: &str,
        id: &str,
    ) -> Result<Option<Tombstone>, Error> {
        let ids = [id.to_owned()];
        Ok(tombstones(self.into(), tenant, kind, &ids).await?.pop())
    }
}

async fn tombstones(
    mut from: Source<'_>,
    tenant: &str,
    kind: &str,
    ids: &[String],
) -> Result<Vec<Tombstone>, Error> {
    let mut all = Vec::new();
    for ids in ids.chunks(IDS) {
        let sql = "SELECT id, at, own FROM replica_tombstones";
        let rows = fetch!(
            from.again(),
            "read tombstones",
            with_ids(sql, tenant, kind, ids),
            |row| Tombstone {
                id: id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?),
                at: row.try_get(1)?,
                own: row.try_get::<i64, _>(2)? != 0,
            }
        )?;
        all.extend(rows);
    }
    Ok(all)
}

impl Tx {
    /// As [`Store::objects`], as this transaction sees them.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn objects(
        &mut self,
        tenant: &str,
        kind: &str,
        ids: &[String],
    ) -> Result<Vec<ObjectRow>, Error> {
        objects(self.into(), tenant, kind, ids).await
    }

    /// As [`Store::object_names`], as this transaction sees them.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn object_names(
        &mut self,
        tenant: &str,
        kind: &str,
        ids: &[String],
    ) -> Result<Vec<(String, Option<String>)>, Error> {
        names(self.into(), tenant, kind, ids).await
    }

    /// The tombstones of those ids.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn tombstones(
        &mut self,
        tenant: &str,
        kind: &str,
        ids: &[String],
    ) -> Result<Vec<Tombstone>, Error> {
        tombstones(self.into(), tenant, kind, ids).await
    }

    /// Puts objects in, or in the place of their older state.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn put_objects(
        &mut self,
        tenant: &str,
        kind: &str,
        rows: &[ObjectRow],
    ) -> Result<(), Error> {
        for rows in parts(rows) {
            let mut sql = Statement::new(
                "INSERT INTO replica_objects (tenant, kind, id, name, entity, body, links, created,
                     modified, generation, written, guard) VALUES ",
            );
            for (i, row) in rows.iter().enumerate() {
                if i > 0 {
                    sql.push(", ");
                }
                sql.row([
                    tenant.into(),
                    kind.into(),
                    id::to_bytes(&row.id).into(),
                    row.name.clone().into(),
                    row.entity.as_str().into(),
                    row.body.as_str().into(),
                    row.links.as_slice().into(),
                    row.created.clone().into(),
                    row.modified.into(),
                    row.generation.into(),
                    row.written.into(),
                    row.guard.clone().into(),
                ]);
            }
            sql.push(
                " ON CONFLICT (tenant, kind, id) DO UPDATE SET name = excluded.name,
                     entity = excluded.entity, body = excluded.body, links = excluded.links,
                     created = excluded.created, modified = excluded.modified,
                     generation = excluded.generation, written = excluded.written,
                     guard = excluded.guard",
            );
            sql.run(self, "put objects").await?;
        }
        Ok(())
    }

    /// Puts the keys of objects in the place of those that they had.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn put_values(
        &mut self,
        tenant: &str,
        kind: &str,
        old: &[String],
        values: &[(String, Vec<Entry>)],
    ) -> Result<(), Error> {
        for ids in old.chunks(IDS) {
            let sql = with_ids("DELETE FROM replica_values", tenant, kind, ids);
            sql.run(self, "forget keys").await?;
        }
        let all: Vec<(Vec<u8>, &Entry)> = values
            .iter()
            .flat_map(|(id, entries)| {
                let id = id::to_bytes(id);
                entries.iter().map(move |entry| (id.clone(), entry))
            })
            .collect();
        for rows in parts(&all) {
            let mut sql = Statement::new(
                "INSERT INTO replica_values (tenant, kind, attr, key, id, element) VALUES ",
            );
            for (i, (id, entry)) in rows.iter().enumerate() {
                if i > 0 {
                    sql.push(", ");
                }
                sql.row([
                    tenant.into(),
                    kind.into(),
                    Arg::Int(entry.attr),
                    entry.key.as_slice().into(),
                    id.as_slice().into(),
                    entry.element.into(),
                ]);
            }
            sql.run(self, "put keys").await?;
        }
        Ok(())
    }

    /// Notes that the snapshot saw those objects, which are as they were.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn seen_objects(
        &mut self,
        tenant: &str,
        kind: &str,
        ids: &[String],
        generation: i64,
    ) -> Result<(), Error> {
        for ids in ids.chunks(IDS) {
            let mut sql = Statement::new("UPDATE replica_objects SET generation = ");
            sql.bind(generation).push(" WHERE tenant = ").bind(tenant);
            sql.push(" AND kind = ").bind(kind).push(" AND id IN (");
            sql.bind_ids(ids).push(")");
            sql.run(self, "note seen objects").await?;
        }
        Ok(())
    }

    /// Notes that the state of those objects is new, because an edge of theirs is.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn touch_objects(
        &mut self,
        tenant: &str,
        kind: &str,
        ids: &[String],
        at: i64,
    ) -> Result<(), Error> {
        for ids in ids.chunks(IDS) {
            let mut sql = Statement::new("UPDATE replica_objects SET modified = ");
            sql.bind(at)
                .push(" WHERE modified < ")
                .bind(at)
                .push(" AND tenant = ")
                .bind(tenant);
            sql.push(" AND kind = ").bind(kind).push(" AND id IN (");
            sql.bind_ids(ids).push(")");
            sql.run(self, "touch objects").await?;
        }
        Ok(())
    }

    /// Takes objects out, with their keys and all their edges; leaves tombstones.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn remove_objects(
        &mut self,
        tenant: &str,
        kind: &str,
        ids: &[String],
        at: i64,
        own: bool,
    ) -> Result<(), Error> {
        for ids in parts(ids) {
            for table in ["DELETE FROM replica_values", "DELETE FROM replica_objects"] {
                let sql = with_ids(table, tenant, kind, ids);
                sql.run(self, "remove objects").await?;
            }
            for end in ["from_id", "to_id"] {
                let mut sql = Statement::new("DELETE FROM replica_edges WHERE tenant = ");
                sql.bind(tenant).push(
                    " AND relation IN ('member', 'owner', 'manager', 'role', 'licence') AND ",
                );
                sql.push(end).push(" IN (");
                sql.bind_ids(ids).push(")");
                sql.run(self, "remove edges of objects").await?;
            }
            let mut sql = Statement::new(
                "INSERT INTO replica_tombstones (tenant, kind, id, at, own) VALUES ",
            );
            for (i, id) in ids.iter().enumerate() {
                if i > 0 {
                    sql.push(", ");
                }
                sql.row([
                    tenant.into(),
                    kind.into(),
                    id::to_bytes(id).into(),
                    at.into(),
                    i64::from(own).into(),
                ]);
            }
            sql.push(" ON CONFLICT (tenant, kind, id) DO UPDATE SET at = excluded.at, own = excluded.own");
            sql.run(self, "leave tombstones").await?;
        }
        Ok(())
    }

    /// Forgets tombstones: the objects are there again.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn forget_tombstones(
        &mut self,
        tenant: &str,
        kind: &str,
        ids: &[String],
    ) -> Result<(), Error> {
        for ids in ids.chunks(IDS) {
            let sql = with_ids("DELETE FROM replica_tombstones", tenant, kind, ids);
            sql.run(self, "forget tombstones").await?;
        }
        Ok(())
    }

    /// Objects that the snapshot `generation` did not see and that were not written since `written`.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn unseen_objects(
        &mut self,
        tenant: &str,
        kind: &str,
        generation: i64,
        written: i64,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let mut sql = of_kind("SELECT id FROM replica_objects", tenant, kind);
        sql.push(" AND generation < ").bind(generation);
        sql.push(" AND written < ").bind(written);
        sql.push(" ORDER BY id LIMIT ").bind(limit);
        fetch!(Source::from(self), "look for unseen objects", sql, |row| {
            id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?)
        })
    }
}
