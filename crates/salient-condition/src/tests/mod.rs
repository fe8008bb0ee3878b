mod columns;
mod language;
mod shop;
