//! Selections: a [`Condition`] as SQL, one text for both databases but for the name of one function.

use super::id;
use crate::{
    resources::{EdgeKind, Side},
    store::{
        error::Error,
        pool::{Backend, Store},
        statement::{Source, Statement, fetch},
    },
    translation::index::{Condition, EdgeTest, Test, key},
};

/// In what order objects come. Those that are equal come by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By id.
    Id,
    /// By an indexed attribute ([`crate::translation::index::Leaf::sort`]), ascending or not.
    Value(i64, bool),
    /// By `meta.lastModified`, ascending or not.
    Modified(bool),
}

/// Which objects, in what order.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The resource type.
    pub kind: &'a str,
    /// What they satisfy.
    pub condition: &'a Condition,
    /// Their order.
    pub order: Order,
}

impl Selection<'_> {
    fn condition(&self, backend: Backend, sql: &mut Statement) {
        sql.push(" WHERE o.tenant = ")
            .bind(self.tenant)
            .push(" AND o.kind = ")
            .bind(self.kind);
        if *self.condition != Condition::All {
            sql.push(" AND ");
            Compiler {
                tenant: self.tenant,
                kind: self.kind,
                backend,
            }
            .condition(self.condition, sql);
        }
    }

    fn count(&self, backend: Backend) -> Statement {
        let mut sql = Statement::new("SELECT count(*) FROM replica_objects o");
        self.condition(backend, &mut sql);
        sql
    }

    fn ids(&self, backend: Backend, after: Option<&str>, offset: i64, limit: i64) -> Statement {
        let mut sql = Statement::new("SELECT o.id, o.modified FROM replica_objects o");
        if let Order::Value(attr, _) = self.order {
            sql.push(" JOIN replica_values s ON s.tenant = o.tenant AND s.kind = o.kind AND s.id = o.id AND s.attr = ");
            sql.bind(attr);
        }
        self.condition(backend, &mut sql);
        if let Some(after) = after {
            sql.push(" AND o.id > ").bind(id::to_bytes(after));
        }
        let down = |ascending: bool| if ascending { "" } else { " DESC" };
        match self.order {
            Order::Id => sql.push(" ORDER BY o.id"),
            Order::Value(_, ascending) => sql
                .push(" ORDER BY s.key")
                .push(down(ascending))
                .push(", o.id"),
            Order::Modified(ascending) => sql
                .push(" ORDER BY o.modified")
                .push(down(ascending))
                .push(", o.id"),
        };
        sql.push(" LIMIT ").bind(limit);
        if offset > 0 {
            sql.push(" OFFSET ").bind(offset);
        }
        sql
    }
}

struct Compiler<'a> {
    tenant: &'a str,
    kind: &'a str,
    backend: Backend,
}

impl Compiler<'_> {
    fn condition(&self, condition: &Condition, sql: &mut Statement) {
        match condition {
            Condition::All => {
                sql.push("1 = 1");
            }
            Condition::None => {
                sql.push("1 = 0");
            }
            Condition::And(parts) => self.joined(parts, " AND ", "1 = 1", sql),
            Condition::Or(parts) => self.joined(parts, " OR ", "1 = 0", sql),
            Condition::Not(inner) => {
                sql.push("NOT (");
                self.condition(inner, sql);
                sql.push(")");
            }
            Condition::Value { attr, test } => self.value(*attr, test, sql),
            Condition::Element(tests) => self.element(tests, sql),
            Condition::Id(id) => {
                // An id in another case is another id.
                let bytes = id::to_bytes(id);
                if id::from_bytes(&bytes) == *id {
                    sql.push("o.id = ").bind(bytes);
                } else {
                    sql.push("1 = 0");
                }
            }
            Condition::From(bytes) => {
                sql.push("o.id >= ").bind(bytes.as_slice());
            }
            Condition::Behind(id) => {
                sql.push("o.id > ").bind(id::to_bytes(id));
            }
            Condition::Modified { from, to } => {
                sql.push("(1 = 1");
                if let Some((at, included)) = from {
                    sql.push(if *included {
                        " AND o.modified >= "
                    } else {
                        " AND o.modified > "
                    });
                    sql.bind(*at);
                }
                if let Some((at, included)) = to {
                    sql.push(if *included {
                        " AND o.modified <= "
                    } else {
                        " AND o.modified < "
                    });
                    sql.bind(*at);
                }
                sql.push(")");
            }
            Condition::Edge(test) => self.edge(test, sql),
        }
    }

    fn joined(&self, parts: &[Condition], by: &str, none: &str, sql: &mut Statement) {
        if parts.is_empty() {
            sql.push(none);
            return;
        }
        sql.push("(");
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                sql.push(by);
            }
            self.condition(part, sql);
        }
        sql.push(")");
    }

    /// `SELECT …` of rows of values of an attribute, up to the test.
    fn rows(&self, what: &str, alias: &str, attr: i64, sql: &mut Statement) {
        sql.push("SELECT ")
            .push(what)
            .push(" FROM replica_values ")
            .push(alias);
        sql.push(" WHERE ")
            .push(alias)
            .push(".tenant = ")
            .bind(self.tenant);
        sql.push(" AND ")
            .push(alias)
            .push(".kind = ")
            .bind(self.kind);
        sql.push(" AND ").push(alias).push(".attr = ").bind(attr);
    }

    fn value(&self, attr: i64, test: &Test, sql: &mut Statement) {
        match test {
            Test::Nothing => {
                sql.push("1 = 0");
            }
            Test::Differs(key) => {
                // Another value, or none at all.
                sql.push("(o.id NOT IN (");
                self.rows("v.id", "v", attr, sql);
                sql.push(" AND v.key = ")
                    .bind(key.as_slice())
                    .push(") OR o.id IN (");
                self.rows("v.id", "v", attr, sql);
                sql.push(" AND v.key <> ").bind(key.as_slice());
                sql.push(" AND v.key <> ").bind(key::ABSENT).push("))");
            }
            test => {
                sql.push("o.id IN (");
                self.rows("v.id", "v", attr, sql);
                self.test("v", test, sql);
                sql.push(")");
            }
        }
    }

    /// ` AND alias.key …`
    fn test(&self, alias: &str, test: &Test, sql: &mut Statement) {
        let key = format!(" AND {alias}.key ");
        match test {
            Test::Any => {
                sql.push(&key).push("<> ").bind(key::ABSENT);
                sql.push(&key).push("<> ").bind(key::EMPTY);
            }
            Test::Equal(value) => {
                sql.push(&key).push("= ").bind(value.as_slice());
            }
            Test::Differs(value) => {
                sql.push(&key).push("<> ").bind(value.as_slice());
                sql.push(&key).push("<> ").bind(key::ABSENT);
            }
            Test::Between { from, to } => {
                sql.push(&key)
                    .push(if from.1 { ">= " } else { "> " })
                    .bind(from.0.as_slice());
                sql.push(&key)
                    .push(if to.1 { "<= " } else { "< " })
                    .bind(to.0.as_slice());
            }
            Test::EndsWith(end) => {
                let length = end.len();
                textual(&key, sql);
                sql.push(&format!(" AND length({alias}.key) > {length}"));
                if length > 0 {
                    sql.push(&format!(
                        " AND substr({alias}.key, length({alias}.key) - {}) = ",
                        length - 1
                    ));
                    sql.bind(end.as_slice());
                }
            }
            Test::Contains(part) => {
                textual(&key, sql);
                if !part.is_empty() {
                    // The tag of a text is no byte of a text.
                    match self.backend {
                        Backend::Sqlite => {
                            sql.push(&format!(" AND instr({alias}.key, "))
                                .bind(part.as_slice());
                            sql.push(") > 0");
                        }
                        Backend::Postgres => {
                            sql.push(" AND position(").bind(part.as_slice());
                            sql.push(&format!(" IN {alias}.key) > 0"));
                        }
                    }
                }
            }
            Test::Nothing => {
                sql.push(" AND 1 = 0");
            }
        }
    }

    fn element(&self, tests: &[(i64, Test)], sql: &mut Statement) {
        let Some(((attr, test), others)) = tests.split_first() else {
            sql.push("1 = 1");
            return;
        };
        sql.push("o.id IN (");
        self.rows("v.id", "v", *attr, sql);
        self.test("v", test, sql);
        for (attr, test) in others {
            sql.push(" AND EXISTS (");
            self.rows("1", "w", *attr, sql);
            sql.push(" AND w.id = v.id AND w.element = v.element");
            self.test("w", test, sql);
            sql.push(")");
        }
        sql.push(")");
    }

    fn edge(&self, test: &EdgeTest, sql: &mut Statement) {
        let (near, far) = match test.side {
            Side::From => ("from_id", "to_id"),
            Side::To => ("to_id", "from_id"),
        };
        sql.push("o.id IN (SELECT e.").push(near);
        sql.push(" FROM replica_edges e WHERE e.tenant = ")
            .bind(self.tenant);
        sql.push(" AND e.relation = ")
            .bind(relation_name(test.kind))
            .push(" AND e.removed = 0");
        if let Some(id) = &test.far {
            sql.push(" AND e.")
                .push(far)
                .push(" = ")
                .bind(id::to_bytes(id));
        }
        sql.push(")");
    }
}

/// Only texts hold a part or end with one.
fn textual(key: &str, sql: &mut Statement) {
    sql.push(key).push(">= ").bind(key::EMPTY);
    sql.push(key).push("< ").bind(key::BEHIND_TEXT);
}

/// What an edge is called in the table.
pub const fn relation_name(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Member => "member",
        EdgeKind::Owner => "owner",
        EdgeKind::Manager => "manager",
        EdgeKind::Role => "role",
        EdgeKind::Licence => "licence",
        EdgeKind::Unit => "unit",
    }
}

impl Store {
    /// How many objects there are.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn count_objects(&self, selection: &Selection<'_>) -> Result<i64, Error> {
        let sql = selection.count(self.backend());
        let rows = fetch!(Source::from(self), "count objects", sql, |row| row
            .try_get::<i64, _>(0)?)?;
        Ok(rows.first().copied().unwrap_or_default())
    }

    /// The ids and moments of a part of them: `limit` behind the first `offset` of those whose ids
    /// are greater than `after` (which is for [`Order::Id`] alone).
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn select_objects(
        &self,
        selection: &Selection<'_>,
        after: Option<&str>,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<(String, i64)>, Error> {
        let sql = selection.ids(self.backend(), after, offset, limit);
        fetch!(Source::from(self), "select objects", sql, |row| (
            id::from_bytes(&row.try_get::<Vec<u8>, _>(0)?),
            row.try_get::<i64, _>(1)?
        ))
    }

    /// The ids alone, as [`Self::select_objects`].
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn select_ids(
        &self,
        selection: &Selection<'_>,
        after: Option<&str>,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let rows = self.select_objects(selection, after, offset, limit).await?;
        Ok(rows.into_iter().map(|(id, _)| id).collect())
    }
}
