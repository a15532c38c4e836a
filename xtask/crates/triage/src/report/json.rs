//! JSON, schema 1.

use serde_json::{Value, json};

use crate::judge::{Diagnosis, Evidence};

/// The report as one JSON object; the same diagnosis gives the same bytes.
pub fn render(diagnosis: &Diagnosis) -> Value {
    let evidence = |it: &Evidence| json!({ "time": it.time, "process": it.process, "line": it.line });
    json!({
        "schema": 1,
        "causes": diagnosis.causes.iter().map(|it| json!({
            "id": it.id,
            "confidence": it.confidence.name(),
            "title": it.title,
            "evidence": it.evidence.iter().map(evidence).collect::<Vec<_>>(),
            "explanation": it.explanation,
            "next": it.next,
            "checks": it.checks,
        })).collect::<Vec<_>>(),
        "noise": diagnosis.noise.iter().map(|(it, why)| json!({ "time": it.time, "process": it.process, "line": it.line, "why": why })).collect::<Vec<_>>(),
        "timeline": diagnosis.attempts.iter().enumerate().flat_map(|(n, attempt)| attempt.rows.iter().map(move |row| json!({
            "attempt": n + 1,
            "time": row.entry.clock.as_ref().map(|it| it.text.clone()),
            "process": row.entry.process,
            "pid": row.entry.pid,
            "layer": row.layer().name(),
            "role": row.role(),
            "signatures": row.signatures.iter().map(|it| it.id).collect::<Vec<_>>(),
            "line": row.entry.text,
            "input": row.entry.input,
            "line_number": row.entry.line,
        }))).collect::<Vec<_>>(),
        "codes": diagnosis.codes.iter().map(|it| json!({ "domain": it.domain.name(), "code": it.code, "name": it.name, "text": it.text })).collect::<Vec<_>>(),
        "host": { "macos": diagnosis.host.macos.map(|(major, minor)| format!("{major}.{minor}")), "sip": diagnosis.host.sip, "amfi_off": diagnosis.host.amfi_off },
        "inputs": diagnosis.inputs.iter().map(|(name, kind)| json!({ "name": name, "kind": kind.name() })).collect::<Vec<_>>(),
        "crashes": diagnosis.crashes.iter().map(|it| json!({
            "process": it.process,
            "path": it.path,
            "exception": it.exception,
            "termination": it.termination,
            "frames": it.frames.iter().map(|it| json!({ "image": it.image, "uuid": it.uuid, "offset": it.offset, "symbol": it.symbol })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "counts": {
            "bytes": diagnosis.counts.bytes,
            "lines": diagnosis.counts.lines,
            "relevant": diagnosis.counts.relevant,
            "repeated": diagnosis.counts.repeated,
            "malformed": diagnosis.counts.malformed,
            "unread": diagnosis.counts.unread,
        },
        "notes": diagnosis.notes,
    })
}
