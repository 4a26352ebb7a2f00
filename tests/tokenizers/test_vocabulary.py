import subprocess
import sys

import pytest

from musicgen.errors import ConfigError
from musicgen.tokenizers.vocabulary import IdRange, Meaning, Vocabulary

VOCABULARY = Vocabulary((IdRange("hold", 0, 1), IdRange("rest", 0, 1), IdRange("pitch", 36, 46)))


def test_ids_and_meanings_are_inverses() -> None:
    assert VOCABULARY.size == 48
    for token_id in range(VOCABULARY.size):
        assert VOCABULARY.id(*VOCABULARY.meaning(token_id)) == token_id
    assert VOCABULARY.meaning(26) == Meaning("pitch", 60)


@pytest.mark.parametrize(
    ("name", "value", "said"), [("pitch", 35, "36 to 81"), ("pitch", 82, "36 to 81"), ("pich", 60, "did you mean pitch")]
)
def test_what_has_no_id_is_refused(name: str, value: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        VOCABULARY.id(name, value)


@pytest.mark.parametrize("token_id", [-1, 48])
def test_ids_beyond_the_end_mean_nothing(token_id: int) -> None:
    with pytest.raises(ConfigError, match="0 to 47"):
        VOCABULARY.meaning(token_id)


def test_two_ranges_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError):
        Vocabulary((IdRange("pitch", 0, 2), IdRange("pitch", 5, 2)))


def test_ids_do_not_depend_on_the_hash_seed() -> None:
    program = """if True:
        from musicgen.tokenizers.grid import GridTokenizer
        for vocabulary in (GridTokenizer("hold").vocabulary, GridTokenizer("pair").vocabulary):
            print([vocabulary.meaning(i) for i in range(vocabulary.size)])
    """
    runs = [
        subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True)
        for seed in ("0", "1", "42")
    ]
    assert len({run.stdout for run in runs}) == 1
    assert b"held pitch" in runs[0].stdout
