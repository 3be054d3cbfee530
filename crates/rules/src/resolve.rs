//! Names to columns, rows and constants, for one request.

mod call;
pub(crate) mod path;
mod request;

use crate::clock::Macro;
use crate::compare::{Merging, Resolved, compare};
use crate::facts::Facts;
use crate::node::{At, Column, Join, JoinId, Node, Operand, Source, Target, Test};
use crate::rule::{Audience, ResolveError};
use crate::scalar::Scalar;
use crate::syntax::{Comparison, Expr, Limits, Syntax, Term, Tree};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Field, TenantId};

/// Rules of related collections were saved under other bounds than a client's filter.
const RULE_LIMITS: Limits = Limits { length: usize::MAX, count: 10_000, depth: 64 };

/// Looks up the names of one expression. Equal paths of an expression share one join.
pub(crate) struct Resolver<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) tenant: &'a TenantId,
    pub(crate) base: &'a Arc<Collection>,
    pub(crate) audience: Audience,
    pub(crate) facts: &'a Facts,
    /// where the record stands that plain names read
    pub(crate) root: At,
    pub(crate) joins: Vec<Join>,
    pub(crate) next: JoinId,
    /// joined rows that must pass the list rule of their collection
    guarded: Vec<(JoinId, Arc<Collection>)>,
    /// a field of personal data that the expression reads
    pub(crate) personal: Option<Box<str>>,
}

pub(crate) type Result<T> = std::result::Result<T, ResolveError>;

pub(crate) fn invalid<T>(message: impl Into<String>) -> Result<T> {
    Err(ResolveError::Invalid(message.into()))
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        catalog: &'a Catalog,
        tenant: &'a TenantId,
        base: &'a Arc<Collection>,
        audience: Audience,
        facts: &'a Facts,
    ) -> Self {
        let (root, joins, guarded) = (At::Root, Vec::new(), Vec::new());
        Self { catalog, tenant, base, audience, facts, root, joins, next: 0, guarded, personal: None }
    }

    /// The whole expression, with the list rules that it calls for.
    pub(crate) fn expression(&mut self, expr: &Expr) -> Result<Node> {
        let node = match &expr.tree {
            Tree::PocketBase(syntax) => self.node(syntax)?,
            Tree::SnackBase(phrase) => self.phrase(phrase)?,
        };
        Ok(Node::all([node, self.guards()?]))
    }

    /// What the list rules of joined collections demand.
    pub(crate) fn guards(&mut self) -> Result<Node> {
        let mut nodes = Vec::new();
        for (id, collection) in std::mem::take(&mut self.guarded) {
            nodes.push(self.guard(id, &collection)?);
        }
        Ok(Node::all(nodes))
    }

    fn node(&mut self, syntax: &Syntax) -> Result<Node> {
        match syntax {
            Syntax::And(items) => {
                Ok(Node::all(items.iter().map(|item| self.node(item)).collect::<Result<Vec<_>>>()?))
            }
            Syntax::Or(items) => {
                Ok(Node::some(items.iter().map(|item| self.node(item)).collect::<Result<Vec<_>>>()?))
            }
            Syntax::Compare(comparison) => self.comparison(comparison),
        }
    }

    fn comparison(&mut self, comparison: &Comparison) -> Result<Node> {
        let left = self.side("left", &comparison.left)?;
        let right = self.side("right", &comparison.right)?;
        Ok(compare(&left, comparison.sign, comparison.any, &right))
    }

    fn side(&mut self, side: &str, term: &Term) -> Result<Resolved> {
        self.term(term).map_err(|error| match error {
            ResolveError::Invalid(reason) => {
                ResolveError::Invalid(format!("invalid {side} operand {:?} - {reason}", term.literal()))
            }
            other => other,
        })
    }

    fn term(&mut self, term: &Term) -> Result<Resolved> {
        match term {
            Term::Text(text) => Ok(Resolved::literal(Scalar::text(text).into_owned())),
            Term::Number(number, _) => Ok(Resolved::literal(Scalar::Real(*number))),
            Term::Call(name, arguments) => self.call(name, arguments),
            Term::Name(name) => self.name(name),
        }
    }

    fn name(&mut self, name: &str) -> Result<Resolved> {
        if let Some(of) = Macro::named(name) {
            let operand = Operand::Macro { of, wrapped: false };
            let literals = crate::compare::Literals::One { empty: false };
            return Ok(Resolved { literals, ..Resolved::new(operand) });
        }
        // every name is a key of an open collection
        if let Some(word) = word(name).filter(|_| self.base.open && self.base.field(name).is_none()) {
            return Ok(word);
        }
        match self.path(name) {
            Err(ResolveError::Invalid(reason)) => word(name).ok_or(ResolveError::Invalid(reason)),
            other => other,
        }
    }

    pub(crate) fn sees_hidden(&self) -> bool {
        matches!(self.audience, Audience::Rule | Audience::Superuser)
    }

    /// Refuses what nobody may compare, and keeps in mind what not everybody may.
    pub(crate) fn notice(&mut self, field: &Field) -> Result<()> {
        if let Some(problem) = self.closed(field) {
            return invalid(problem);
        }
        if field.is_personal() {
            self.personal.get_or_insert_with(|| field.name.clone());
        }
        Ok(())
    }

    /// Why filters and sorts cannot read this field; rules are their author's business.
    pub(crate) fn closed(&self, field: &Field) -> Option<String> {
        let closed = field.is_encrypted() && self.audience != Audience::Rule;
        closed.then(|| format!("Field '{}' is encrypted and cannot be used in filters or sorts", field.name))
    }

    fn find(&self, name_or_id: &str) -> Option<Arc<Collection>> {
        if name_or_id == &*self.base.name || name_or_id == &*self.base.id {
            return Some(self.base.clone());
        }
        self.catalog.find(self.tenant, name_or_id).filter(|found| self.may_name(found)).cloned()
    }

    fn by_id(&self, id: &str) -> Option<Arc<Collection>> {
        if id == &*self.base.id {
            return Some(self.base.clone());
        }
        self.catalog.by_id(id).filter(|found| self.may_name(found)).cloned()
    }

    /// Collections that another tenant made for itself do not exist here.
    fn may_name(&self, collection: &Collection) -> bool {
        collection.owner.as_ref().is_none_or(|owner| owner == self.tenant)
    }

    /// Adds the join, or finds the same one.
    fn join(&mut self, source: Source) -> Result<JoinId> {
        if let Some(known) = self.joins.iter().find(|join| join.source == source) {
            return Ok(known.id);
        }
        let target = source.target().map(|target| target.collection.clone());
        let id = self.fresh();
        self.joins.push(Join { id, source });
        if let Some(collection) = target.filter(|_| !self.sees_hidden()) {
            self.must_be_listable(id, collection)?;
        }
        Ok(id)
    }

    pub(crate) fn fresh(&mut self) -> JoinId {
        self.next += 1;
        self.next
    }

    fn must_be_listable(&mut self, id: JoinId, collection: Arc<Collection>) -> Result<()> {
        match collection.rules.list.as_deref() {
            None => invalid(format!(
                "{:?} fields can be accessed only when allowHiddenFields is enabled or by superusers",
                collection.name
            )),
            Some("") => Ok(()),
            Some(_) => {
                self.guarded.push((id, collection));
                Ok(())
            }
        }
    }

    /// The row is missing, or passes the list rule.
    fn guard(&mut self, id: JoinId, collection: &Arc<Collection>) -> Result<Node> {
        let failed = |reason: String| {
            ResolveError::Invalid(format!("failed to build {:?} ListRule join: {reason}", collection.name))
        };
        let text = collection.rules.list.as_deref().unwrap_or_default();
        let expr = Expr::parse_in(collection.language, text, RULE_LIMITS);
        let expr = expr.map_err(|error| failed(error.to_string()))?;
        let root = At::Join(id);
        let mut inner = Resolver {
            root,
            next: self.next,
            ..Resolver::new(self.catalog, self.tenant, collection, Audience::Rule, self.facts)
        };
        let rule = inner.expression(&expr).map_err(|error| failed(error.to_string()))?;
        self.next = inner.next;
        self.joins.append(&mut inner.joins);
        let Some(field) = Column::named(collection, "id") else { return Ok(rule) };
        let missing = Test::Empty { negated: false, of: Operand::Column { at: root, field } };
        Ok(Node::some([Node::Test(Box::new(missing)), rule]))
    }

    fn target(&self, collection: &Arc<Collection>) -> Target {
        Target { collection: collection.clone(), tenant: self.tenant.clone() }
    }

    /// `:changed` of a body field: present, and not equal to the stored value.
    pub(crate) fn changed(&mut self, name: &str) -> Result<Resolved> {
        let term = |name: String| Term::Name(name.into());
        let comparison = |left: Term, sign, right: Term| Comparison { left, sign, any: false, right };
        let isset = comparison(
            term(format!("@request.body.{name}:isset")),
            crate::syntax::Sign::Equal,
            term("true".into()),
        );
        let differs = comparison(
            term(format!("@request.body.{name}")),
            crate::syntax::Sign::NotEqual,
            term(name.to_owned()),
        );
        let node = Node::all([self.comparison(&isset)?, self.comparison(&differs)?]);
        Ok(Resolved { merging: Merging::Never, ..Resolved::new(Operand::Truth(Box::new(node))) })
    }
}

/// The words that are values where no field is called so.
fn word(name: &str) -> Option<Resolved> {
    let operand = match name.to_ascii_lowercase().as_str() {
        "null" => Operand::NULL,
        "true" => Operand::int(1),
        "false" => Operand::int(0),
        _ => return None,
    };
    Some(Resolved::new(operand))
}
