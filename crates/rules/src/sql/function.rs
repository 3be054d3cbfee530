//! Functions and arithmetic.

use super::Sql;
use crate::function::Function;
use crate::node::{Constant, Operand};
use crate::scalar::Scalar;

impl Sql<'_> {
    pub(super) fn function(&mut self, function: Function, arguments: &[Operand]) {
        let name = match function {
            Function::Real => return self.number("(", arguments),
            Function::Abs => return self.number("ABS(", arguments),
            Function::Round => return self.number("ROUND(", arguments),
            Function::If => return self.choice(arguments),
            Function::Substring => return self.part(arguments),
            Function::Coalesce => "COALESCE",
            Function::Length => "LENGTH",
            Function::NullIf => "NULLIF",
            Function::Trim => "TRIM",
            Function::Upper => "UPPER",
            Function::Concat => return self.chain(" || ", arguments, Self::operand),
            arithmetic => {
                return self.chain(arithmetic.sign().unwrap_or(" + "), arguments, Self::real);
            }
        };
        self.push(name);
        self.arguments(arguments);
    }

    fn chain(&mut self, sign: &str, operands: &[Operand], write: fn(&mut Self, &Operand)) {
        self.push("(");
        for (index, operand) in operands.iter().enumerate() {
            self.push(if index > 0 { sign } else { "" });
            write(self, operand);
        }
        self.push(")");
    }

    fn number(&mut self, before: &str, arguments: &[Operand]) {
        self.push(before);
        arguments.iter().for_each(|argument| self.real(argument));
        self.push(")");
    }

    fn choice(&mut self, arguments: &[Operand]) {
        for (before, operand) in ["(CASE WHEN ", " THEN ", " ELSE "].into_iter().zip(arguments) {
            self.push(before);
            self.operand(operand);
        }
        self.push(" END)");
    }

    fn part(&mut self, arguments: &[Operand]) {
        self.push("SUBSTR(");
        for (index, argument) in arguments.iter().enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            if index > 0 { self.real(argument) } else { self.operand(argument) }
        }
        self.push(")");
    }

    /// The operand as a float64.
    fn real(&mut self, operand: &Operand) {
        let is_real = match operand {
            Operand::Apply(function, _) => function.is_arithmetic() || *function == Function::Real,
            Operand::Value(Constant { value, .. }) => matches!(value, Scalar::Real(_) | Scalar::Null),
            _ => false,
        };
        if is_real {
            return self.operand(operand);
        }
        self.push("CAST(");
        self.operand(operand);
        self.push(" AS REAL)");
    }
}
