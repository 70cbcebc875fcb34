"""What is kept of CERT logs: the site of a page, and whether a file was planted."""

from __future__ import annotations

from pathlib import Path

from app.certlogs import PLANTED, imported
from core.ports import EventQuery
from ingest.cert import releases


def test_a_planted_file_is_labelled_on_its_machine_only_and_of_an_address_the_site_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "r6.2"
    folder.mkdir()
    (folder / "decoy_file.csv").write_text("decoy_filename,pc\nC:\\Plans\\A.doc,PC-1\n")
    head = "id,date,user,pc,filename,activity,to_removable_media,from_removable_media,content\n"
    row = "{{{0}}},01/04/2010 08:00:00,ABC0001,{1},C:\\plans\\{2}.doc,File Open,False,False,x\n"
    files = [("A", "PC-1", "A"), ("B", "PC-2", "A"), ("C", "PC-1", "B")]
    (folder / "file.csv").write_text(head + "".join(row.format(*one) for one in files))
    page = "{D},01/04/2010 09:00:00,ABC0001,PC-1,http://jobs.example:80/find?who=me,WWW Visit,words\n"
    (folder / "http.csv").write_text("id,date,user,pc,url,activity,content\n" + page)
    [release] = releases(folder)
    with imported(release, tmp_path / "data", lambda *_: None) as found:
        events = found.house.events.read(EventQuery(columns=["host.name", "file.name", "data.sensitivity", "url.full"]))
    labelled = {(row["host.name"], row["file.name"].lower()): row["data.sensitivity"]
                for row in events.iter_rows(named=True) if row["file.name"]}  # fmt: skip
    assert labelled == {("pc-1", "a.doc"): PLANTED, ("pc-2", "a.doc"): None, ("pc-1", "b.doc"): None}
    assert events["url.full"].drop_nulls().to_list() == ["http://jobs.example:80"]
