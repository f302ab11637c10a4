//! Edges: one row for each relation between two objects, found from either end.

use super::{IDS, id, parts};
use crate::store::{
    error::Error,
    pool::{Store, Tx},
    statement::{Source, Statement, fetch},
};

/// An edge as the replica holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeRow {
    /// `member`, `owner`, `manager`, `role`, `licence`
    pub relation: String,
    /// Where it starts.
    pub from: String,
    /// Where it leads.
    pub to: String,
    /// What tells edges between the same two apart.
    pub part: String,
    /// The type of the object where it starts; empty when not known.
    pub from_kind: String,
    /// The type of the object where it leads.
    pub to_kind: String,
    /// What else is known of it, as JSON.
    pub detail: Option<String>,
    /// The snapshot that saw it last.
    pub generation: i64,
    /// The last own write, in microseconds; 0 for none.
    pub written: i64,
    /// Whether it was removed here, while Graph may still show it.
    pub removed: bool,
    /// The name of the far end, where the replica has that; only when read.
    pub far_name: Option<String>,
}

/// From which end edges are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    /// Where they start.
    From,
    /// Where they lead.
    To,
}

impl Near {
    fn columns(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::From => ("from_id", "to_id", "to_kind"),
            Self::To => ("to_id", "from_id", "from_kind"),
        }
    }
}

const COLUMNS: &str = "e.relation, e.from_id, e.to_id, e.part, e.from_kind, e.to_kind, e.detail,
     e.generation, e.written, e.removed";

macro_rules! edge {
    ($row:ident, $name:expr) => {
        EdgeRow {
            relation: $row.try_get(0)?,
            from: id::from_bytes(&$row.try_get::<Vec<u8>, _>(1)?),
            to: id::from_bytes(&$row.try_get::<Vec<u8>, _>(2)?),
            part: $row.try_get(3)?,
            from_kind: $row.try_get(4)?,
            to_kind: $row.try_get(5)?,
            detail: $row.try_get(6)?,
            generation: $row.try_get(7)?,
            written: $row.try_get(8)?,
            removed: $row.try_get::<i64, _>(9)? != 0,
            far_name: $name,
        }
    };
}

impl Store {
    /// The edges of those objects, with the names of their far ends; of each object in the order
    /// of the far ends' ids. What the keeper alone looks at is left out.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn edges(
        &self,
        tenant: &str,
        relation: &str,
        near: Near,
        ids: &[String],
    ) -> Result<Vec<EdgeRow>, Error> {
        let mut all = Vec::new();
        let (at, far, kind) = near.columns();
        for ids in ids.chunks(IDS) {
            let mut sql = Statement::new(&format!(
                "SELECT e.{at}, e.{far}, e.{kind}, e.detail, f.name
                 FROM replica_edges e LEFT JOIN replica_objects f
                     ON f.tenant = e.tenant AND f.kind = e.{kind} AND f.id = e.{far}
                 WHERE e.tenant = "
            ));
            sql.bind(tenant).push(" AND e.relation = ").bind(relation);
            sql.push(&format!(" AND e.removed = 0 AND e.{at} IN ("));
            sql.bind_ids(ids);
            sql.push(&format!(") ORDER BY e.{at}, e.{far}, e.part"));
            let rows = fetch!(Source::from(self), "read edges", sql, |row| (
                id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?),
                id::from_bytes(&row.try_get::<Vec<u8>, _>(1)?),
                row.try_get::<String, _>(2)?,
                row.try_get::<Option<String>, _>(3)?,
                row.try_get::<Option<String>, _>(4)?,
            ))?;
            all.extend(rows.into_iter().map(|(at, far, kind, detail, name)| {
                let mut edge = EdgeRow {
                    detail,
                    far_name: name,
                    ..EdgeRow::default()
                };
                match near {
                    Near::From => (edge.from, edge.to, edge.to_kind) = (at, far, kind),
                    Near::To => (edge.to, edge.from, edge.from_kind) = (at, far, kind),
                }
                edge
            }));
        }
        Ok(all)
    }

    /// Which of those the object is related to.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn related_to(
        &self,
        tenant: &str,
        relation: &str,
        from: &str,
        to: &[String],
    ) -> Result<Vec<String>, Error> {
        let mut all = Vec::new();
        for to in to.chunks(IDS) {
            let mut sql = Statement::new("SELECT e.to_id FROM replica_edges e WHERE e.tenant = ");
            sql.bind(tenant).push(" AND e.relation = ").bind(relation);
            sql.push(" AND e.removed = 0 AND e.from_id = ")
                .bind(id::to_bytes(from));
            sql.push(" AND e.to_id IN (");
            sql.bind_ids(to).push(")");
            let rows = fetch!(Source::from(self), "look for edges", sql, |row| {
                id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?)
            })?;
            all.extend(rows);
        }
        Ok(all)
    }

    /// How many edges the objects have, together.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn count_edges(
        &self,
        tenant: &str,
        relation: &str,
        near: Near,
        ids: &[String],
    ) -> Result<i64, Error> {
        let (at, ..) = near.columns();
        let mut all = 0;
        for ids in ids.chunks(IDS) {
            let mut sql = Statement::new("SELECT count(*) FROM replica_edges WHERE tenant = ");
            sql.bind(tenant).push(" AND relation = ").bind(relation);
            sql.push(&format!(" AND {at} IN ("));
            sql.bind_ids(ids).push(")");
            let counts = fetch!(Source::from(self), "count edges", sql, |row| row
                .try_get::<i64, _>(0)?)?;
            all += counts.first().copied().unwrap_or_default();
        }
        Ok(all)
    }

    /// The members among `ids` that are of type `kind`, as (group, member): the nesting of groups.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn nested(
        &self,
        tenant: &str,
        kind: &str,
        near: Near,
        ids: &[String],
    ) -> Result<Vec<(String, String)>, Error> {
        let mut all = Vec::new();
        for ids in ids.chunks(IDS) {
            let (at, ..) = near.columns();
            let mut sql =
                Statement::new("SELECT from_id, to_id FROM replica_edges WHERE tenant = ");
            sql.bind(tenant)
                .push(" AND relation = 'member' AND removed = 0 AND to_kind = ")
                .bind(kind);
            sql.push(&format!(" AND {at} IN ("));
            sql.bind_ids(ids).push(")");
            let rows = fetch!(Source::from(self), "read nested groups", sql, |row| (
                id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?),
                id::from_bytes(&row.try_get::<Vec<u8>, _>(1)?),
            ))?;
            all.extend(rows);
        }
        Ok(all)
    }

    /// The edges of an object, at either end, that were written here since, removed ones too.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn edges_written(
        &self,
        tenant: &str,
        of: &str,
        since: i64,
    ) -> Result<Vec<EdgeRow>, Error> {
        let mut sql = Statement::default();
        for (i, end) in ["from_id", "to_id"].into_iter().enumerate() {
            if i > 0 {
                sql.push(" UNION ALL ");
            }
            sql.push("SELECT ").push(COLUMNS);
            sql.push(" FROM replica_edges e WHERE e.tenant = ")
                .bind(tenant);
            sql.push(" AND e.relation IN ('member', 'owner', 'manager', 'role', 'licence')");
            sql.push(" AND e.written >= ").bind(since);
            sql.push(&format!(" AND e.{end} = ")).bind(id::to_bytes(of));
        }
        fetch!(Source::from(self), "read written edges", sql, |row| edge!(
            row, None
        ))
    }
}

impl Tx {
    /// All edges of those relations and objects, as this transaction sees them, also those that
    /// were removed here; with the names of their far ends.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn all_edges(
        &mut self,
        tenant: &str,
        relations: &[&str],
        near: Near,
        ids: &[String],
    ) -> Result<Vec<EdgeRow>, Error> {
        let mut all = Vec::new();
        if relations.is_empty() {
            return Ok(all);
        }
        let (at, far, kind) = near.columns();
        for ids in ids.chunks(IDS) {
            let mut sql = Statement::new("SELECT ");
            sql.push(COLUMNS).push(&format!(
                ", f.name FROM replica_edges e LEFT JOIN replica_objects f
                     ON f.tenant = e.tenant AND f.kind = e.{kind} AND f.id = e.{far}
                 WHERE e.tenant = "
            ));
            sql.bind(tenant).push(" AND e.relation IN (");
            sql.bind_all(relations.iter().copied())
                .push(&format!(") AND e.{at} IN ("));
            sql.bind_ids(ids);
            sql.push(&format!(") ORDER BY e.{at}, e.relation, e.{far}, e.part"));
            let rows = fetch!(Source::from(&mut *self), "read edges", sql, |row| edge!(
                row,
                row.try_get(10)?
            ))?;
            all.extend(rows);
        }
        Ok(all)
    }

    /// Those of the edges that are there, removed ones too: by start, end and part.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn these_edges(
        &mut self,
        tenant: &str,
        relation: &str,
        from: &str,
        to: &[String],
    ) -> Result<Vec<EdgeRow>, Error> {
        let mut all = Vec::new();
        for to in to.chunks(IDS) {
            let mut sql = Statement::new("SELECT ");
            sql.push(COLUMNS)
                .push(" FROM replica_edges e WHERE e.tenant = ")
                .bind(tenant);
            sql.push(" AND e.relation = ").bind(relation);
            sql.push(" AND e.from_id = ")
                .bind(id::to_bytes(from))
                .push(" AND e.to_id IN (");
            sql.bind_ids(to).push(")");
            let rows = fetch!(
                Source::from(&mut *self),
                "read these edges",
                sql,
                |row| edge!(row, None)
            )?;
            all.extend(rows);
        }
        Ok(all)
    }

    /// All edges of a relation: a small one.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn relation_edges(
        &mut self,
        tenant: &str,
        relation: &str,
    ) -> Result<Vec<EdgeRow>, Error> {
        let mut sql = Statement::new("SELECT ");
        sql.push(COLUMNS)
            .push(" FROM replica_edges e WHERE e.tenant = ")
            .bind(tenant);
        sql.push(" AND e.relation = ").bind(relation);
        fetch!(Source::from(self), "read a relation", sql, |row| edge!(
            row, None
        ))
    }

    /// Puts edges in, or in the place of their older state. No edge may be among them twice.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn put_edges(&mut self, tenant: &str, rows: &[EdgeRow]) -> Result<(), Error> {
        for rows in parts(rows) {
            let mut sql = Statement::new(
                "INSERT INTO replica_edges (tenant, relation, from_id, to_id, part, from_kind,
                     to_kind, detail, generation, written, removed) VALUES ",
            );
            for (i, row) in rows.iter().enumerate() {
                if i > 0 {
                    sql.push(", ");
                }
                sql.row([
                    tenant.into(),
                    row.relation.as_str().into(),
                    id::to_bytes(&row.from).into(),
                    id::to_bytes(&row.to).into(),
                    row.part.as_str().into(),
                    row.from_kind.as_str().into(),
                    row.to_kind.as_str().into(),
                    row.detail.clone().into(),
                    row.generation.into(),
                    row.written.into(),
                    i64::from(row.removed).into(),
                ]);
            }
            sql.push(
                " ON CONFLICT (tenant, relation, from_id, to_id, part) DO UPDATE SET
                     from_kind = excluded.from_kind, to_kind = excluded.to_kind,
                     detail = excluded.detail, generation = excluded.generation,
                     written = excluded.written, removed = excluded.removed",
            );
            sql.run(self, "put edges").await?;
        }
        Ok(())
    }

    /// Takes edges out.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn remove_edges(&mut self, tenant: &str, rows: &[EdgeRow]) -> Result<(), Error> {
        for row in rows {
            let mut sql = Statement::new("DELETE FROM replica_edges WHERE tenant = ");
            sql.bind(tenant)
                .push(" AND relation = ")
                .bind(row.relation.as_str());
            sql.push(" AND from_id = ").bind(id::to_bytes(&row.from));
            sql.push(" AND to_id = ").bind(id::to_bytes(&row.to));
            sql.push(" AND part = ").bind(row.part.as_str());
            sql.run(self, "remove an edge").await?;
        }
        Ok(())
    }

    /// Edges of those objects that the snapshot `generation` did not see and that were not written
    /// since `written`.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn unseen_edges(
        &mut self,
        tenant: &str,
        relation: &str,
        ids: &[String],
        generation: i64,
        written: i64,
    ) -> Result<Vec<EdgeRow>, Error> {
        let mut all = Vec::new();
        for ids in ids.chunks(IDS) {
            let mut sql = Statement::new("SELECT ");
            sql.push(COLUMNS)
                .push(" FROM replica_edges e WHERE e.tenant = ")
                .bind(tenant);
            sql.push(" AND e.relation = ").bind(relation);
            sql.push(" AND e.generation < ").bind(generation);
            sql.push(" AND e.written < ")
                .bind(written)
                .push(" AND e.from_id IN (");
            sql.bind_ids(ids).push(")");
            let rows = fetch!(
                Source::from(&mut *self),
                "look for unseen edges",
                sql,
                |row| edge!(row, None)
            )?;
            all.extend(rows);
        }
        Ok(all)
    }
}
