//! Names, calls and arithmetic to operands.

use super::call::Callee;
use super::condition::expanded;
use super::{Phrase, parse};
use crate::clock::Macro;
use crate::facts::Facts;
use crate::function::Function;
use crate::node::{At, Column, Constant, Node, Operand, Order, Part, Path, Test};
use crate::resolve::{Resolver, Result, invalid};
use crate::rule::{Audience, ResolveError};
use crate::scalar::{Affinity, Scalar};
use crate::syntax::Limits;
use tidewire_model::field::FieldKind;
use tidewire_model::{Catalog, Collection, TenantId};

/// What a name without `@` means.
pub(super) enum Named {
    Column(Column),
    Tenant,
    /// a system name that records of this collection have nothing for
    Nothing,
    /// a key of an open collection
    Key(Column),
}

impl Resolver<'_> {
    pub(super) fn named(&self, name: &str) -> Option<Named> {
        if name == "account_id" {
            return Some(Named::Tenant);
        }
        let column = |name: &str| Column::named(self.base, name);
        if let Some(column) = column(name).filter(|column| !column.field().hidden || self.sees_hidden()) {
            return Some(Named::Column(column));
        }
        let is_time = |column: &Column| matches!(column.field().kind, FieldKind::Autodate(_));
        let alias = match name {
            "created_at" => column("created").filter(is_time),
            "updated_at" => column("updated").filter(is_time),
            "created_by" | "updated_by" => None,
            _ if self.base.open => return column(Collection::DATA).map(Named::Key),
            _ => return None,
        };
        Some(alias.map_or(Named::Nothing, Named::Column))
    }

    pub(super) fn value(&mut self, phrase: &Phrase) -> Result<Operand> {
        match phrase {
            Phrase::Literal(value) => Ok(constant(value.clone())),
            Phrase::Name(name) if name.starts_with('@') && expanded(phrase).is_none() => {
                Ok(constant(self.facts.value(name)))
            }
            Phrase::Name(name) if !name.starts_with('@') => self.field(name),
            Phrase::Negative(inner) => {
                let inner = self.value(inner)?;
                Ok(arithmetic(Function::Subtract, constant(Scalar::Real(0.0)), inner))
            }
            Phrase::Arithmetic(left, function, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Ok(arithmetic(*function, left, right))
            }
            Phrase::Call(name, arguments) if !name.starts_with('@') => self.called(name, arguments),
            condition => Ok(truth(self.condition(condition, false)?)),
        }
    }

    fn field(&mut self, name: &str) -> Result<Operand> {
        let at = self.root;
        Ok(match self.named(name) {
            None => return invalid(format!("Field '{name}' does not exist in collection")),
            Some(Named::Nothing) => Operand::NULL,
            Some(Named::Tenant) if self.audience == Audience::Superuser => Operand::Tenant,
            Some(Named::Tenant) => constant(Scalar::text(self.tenant.as_str()).into_owned()),
            Some(Named::Key(field)) => {
                let path = Path(name.split('.').map(|key| Part::Key(key.into())).collect());
                Operand::Extract { at, field, path }
            }
            Some(Named::Column(field)) => {
                self.notice(field.field())?;
                match field.field().formula() {
                    Some(_) => {
                        let (operand, personal) = computed(&field, at)?;
                        self.personal = self.personal.take().or(personal);
                        operand
                    }
                    None => self.shown(field),
                }
            }
        })
    }

    pub(crate) fn formula(&mut self, name: &str) -> Result<Operand> {
        let phrase = Phrase::name(name);
        let problems = self.problems(&phrase);
        if problems.is_empty() { self.value(&phrase) } else { invalid(problems.join("; ")) }
    }

    /// The addresses of those who do not show them are null in filters.
    fn shown(&self, field: Column) -> Operand {
        let at = self.root;
        if matches!(field.field().kind, FieldKind::Json(_)) {
            return Operand::Extract { at, field, path: Path::default() };
        }
        let is_address = field.of.is_auth() && &*field.field().name == "email";
        let visible = Column::named(&field.of, "emailVisibility");
        let column = Operand::Column { at, field };
        let Some(visible) = visible.filter(|_| is_address && !self.sees_hidden()) else { return column };
        let left = Operand::Column { at, field: visible };
        let (right, affinity) = (Operand::int(1), Affinity::Numeric);
        let is_visible = Test::Compare { order: Order::Equal, left, right, affinity };
        let is_visible = truth(Node::Test(Box::new(is_visible)));
        Operand::Apply(Function::If, Box::new([is_visible, column, Operand::NULL]))
    }

    fn called(&mut self, name: &str, arguments: &[Phrase]) -> Result<Operand> {
        let Some(callee) = Callee::named(name) else { return invalid(format!("Unknown function '{name}'")) };
        let mut operands = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            let is_condition = callee == Callee::Apply(Function::If) && index == 0;
            operands.push(match is_condition {
                true => truth(self.condition(argument, false)?),
                false => self.value(argument)?,
            });
        }
        Ok(match (callee, operands.pop()) {
            (Callee::Now, _) => Operand::Macro { of: Macro::Now, wrapped: false },
            (Callee::Lower, Some(last)) => settled(Operand::Lower(Box::new(last))),
            (Callee::Round, Some(last)) => return rounded(operands.pop(), last),
            (Callee::Apply(function), Some(last)) => {
                operands.push(last);
                settled(Operand::Apply(function, operands.into()))
            }
            (_, None) => Operand::NULL,
        })
    }
}

/// What a computed field of the record at a place is computed from, and the personal data among it.
pub(crate) fn computed(field: &Column, at: At) -> Result<(Operand, Option<Box<str>>)> {
    let (catalog, tenant, facts) = (Catalog::default(), TenantId::default(), Facts::default());
    let text = field.field().formula().unwrap_or_default();
    let phrase = parse(text, Limits::default()).map_err(|error| ResolveError::Invalid(error.message))?;
    let is_computed = |name: &str| field.of.field(name).is_some_and(|field| field.formula().is_some());
    if phrase.names(&|name| name.starts_with('@') || is_computed(name)) {
        return invalid(format!("Field '{}' is computed from what is no field", field.field().name));
    }
    let mut resolver = Resolver::new(&catalog, &tenant, &field.of, Audience::Superuser, &facts);
    resolver.root = at;
    let problems = resolver.problems(&phrase);
    if !problems.is_empty() {
        return invalid(problems.join("; "));
    }
    Ok((resolver.value(&phrase)?, resolver.personal))
}

fn constant(value: Scalar<'static>) -> Operand {
    Operand::Value(Constant { value, affinity: Affinity::None, literal: false })
}

fn truth(node: Node) -> Operand {
    Operand::Truth(Box::new(node))
}

/// Whole results of constants are whole numbers again.
fn arithmetic(function: Function, left: Operand, right: Operand) -> Operand {
    match settled(Operand::Apply(function, Box::new([left, right]))) {
        Operand::Value(Constant { value: Scalar::Real(real), .. }) => constant(Scalar::number(real)),
        other => other,
    }
}

/// With places behind the dot: the multiple is rounded, so that memory and SQL cannot differ in the last digit.
fn rounded(value: Option<Operand>, last: Operand) -> Result<Operand> {
    let whole = |operand: Operand| settled(Operand::Apply(Function::Round, Box::new([operand])));
    let Some(value) = value else { return Ok(whole(last)) };
    let places = match last {
        Operand::Value(Constant { value: Scalar::Int(places @ 0..=15), .. }) => places as i32,
        _ => return invalid("round() second argument must be a whole number from 0 to 15"),
    };
    let factor = || constant(Scalar::Real(10f64.powi(places)));
    Ok(arithmetic(Function::Divide, whole(arithmetic(Function::Multiply, value, factor())), factor()))
}

/// Its value, if it reads nothing but constants.
pub(super) fn settled(operand: Operand) -> Operand {
    match crate::fold::constant(&operand) {
        Some(value) => constant(value),
        None => operand,
    }
}
