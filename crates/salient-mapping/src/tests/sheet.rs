//! The smallest XLSX writer that the tests need.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;

pub(super) enum Value {
    Empty,
    Text(String),
    Number(f64),
    Date(f64),
    Error,
}

#[derive(Default)]
pub(super) struct Sheet {
    rows: Vec<Vec<Value>>,
}

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const LINKS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";

impl Sheet {
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Value>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The workbook with dates shown as dates.
    pub(super) fn book(&self, name: &str) -> Vec<u8> {
        self.write(name, " s=\"1\"", false)
    }

    /// The workbook with dates shown as numbers.
    pub(super) fn book_without_formats(&self, name: &str) -> Vec<u8> {
        self.write(name, "", false)
    }

    /// A workbook whose sheet breaks off after its rows.
    pub(super) fn damaged_book(&self, name: &str) -> Vec<u8> {
        self.write(name, "", true)
    }

    fn write(&self, name: &str, date_style: &str, damaged: bool) -> Vec<u8> {
        let mut xml = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>");
        for (number, row) in self.rows.iter().enumerate() {
            let number = number + 1;
            xml.push_str(&format!("<row r=\"{number}\">"));
            for (column, value) in row.iter().enumerate() {
                let place = format!("{}{number}", char::from(b'A' + column as u8));
                xml.push_str(&match value {
                    Value::Empty => String::new(),
                    Value::Text(text) => {
                        format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
                    }
                    Value::Number(value) => format!("<c r=\"{place}\"><v>{value}</v></c>"),
                    Value::Date(value) => format!("<c r=\"{place}\"{date_style}><v>{value}</v></c>"),
                    Value::Error => format!("<c r=\"{place}\" t=\"e\"><v>#N/A</v></c>"),
                });
            }
            xml.push_str("</row>");
        }
        xml.push_str(if damaged { "<row r=\"9\"><c r=\"A9\"><v>1" } else { "</sheetData></worksheet>" });
        let types = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
        let link = |id: &str, kind: &str, target: &str| {
            format!("<Relationship Id=\"{id}\" Type=\"{LINKS}/{kind}\" Target=\"{target}\"/>")
        };
        let links = |inside: String| format!("<Relationships xmlns=\"{PACKAGE}\">{inside}</Relationships>");
        let book = format!(
            "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{LINKS}\"><sheets><sheet name=\"{name}\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
        );
        // style 1 is number format 22, a date with a time
        let styles = format!(
            "<styleSheet xmlns=\"{MAIN}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>"
        );
        let parts = [
            ("[Content_Types].xml", types.to_owned()),
            ("_rels/.rels", links(link("rId1", "officeDocument", "xl/workbook.xml"))),
            ("xl/workbook.xml", book),
            (
                "xl/_rels/workbook.xml.rels",
                links(
                    link("rId1", "worksheet", "worksheets/sheet1.xml")
                        + &link("rId2", "styles", "styles.xml"),
                ),
            ),
            ("xl/styles.xml", styles),
            ("xl/worksheets/sheet1.xml", xml),
        ];
        let mut book = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (path, content) in parts {
            book.start_file(path, stored).unwrap();
            book.write_all(content.as_bytes()).unwrap();
        }
        book.finish().unwrap().into_inner()
    }
}
