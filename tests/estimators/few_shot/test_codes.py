"""What the user says of codes in place of labels."""

import numpy as np
import pytest

from skmeta import FewShotClassifier
from tests.quick import classifier, wine


def test_codes_in_place_of_labels_are_led_back_to_what_they_stand_for():
    A, b, task = wine()
    meta = classifier().fit(A, b, groups=task)
    labels, codes = np.unique(b, return_inverse=True)
    named = FewShotClassifier(meta).fit(A[::9], b[::9])
    coded = FewShotClassifier(meta, encoded_labels=True).fit(A[::9], codes[::9])
    np.testing.assert_array_equal(coded.classes_, [0, 1, 2])
    np.testing.assert_array_equal(labels[coded.predict(A)], named.predict(A))
    np.testing.assert_array_equal(coded.predict_proba(A), named.predict_proba(A))
    two = np.flatnonzero(codes != 1)[::9]  # whose codes may be 0 and 1, or 0 and 2
    with pytest.raises(ValueError, match="must hold all of the codes 0 to 2"):
        coded.fit(A[two], codes[two] // 2)
    named.fit(A[two], b[two])
    coded.set_params(encoded_labels=labels[[2, 0]]).fit(A[two], codes[two] // 2)
    np.testing.assert_array_equal(labels[coded.predict(A) * 2], named.predict(A))
    with pytest.raises(ValueError, match="must hold codes 0 to 1 of the labels"):
        coded.fit(A[two], codes[two])
    with pytest.raises(ValueError, match=r"encoded_labels must be .*not 'yes'"):
        coded.set_params(encoded_labels="yes").fit(A[two], codes[two])
