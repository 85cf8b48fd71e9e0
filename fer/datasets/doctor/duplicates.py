"""Find copies of one image: exact ones by their pixels, near ones by a perceptual hash and then a comparison.

FER-2013 was collected by web searches, so one photo may occur several times: cropped differently, compressed again,
or with another label. At 8 x 8 all faces look alike, so the hash also proposes different faces. Every pair it proposes
is therefore compared pixel by pixel, shifted by up to five pixels.
"""

import hashlib
from collections import defaultdict
from typing import Final

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fer.arrays import SIDE, Indices
from fer.datasets.readings import Progress, silent

# Of 64 bits. A copy that is brighter, blurred or compressed to JPEG quality 50 differs in at most 4 bits, and one
# shifted by a pixel in 8. A limit of 12 finds 995 of 1,000 copies shifted by one pixel, and 630 shifted by two.
MAX_DISTANCE: Final = 12
# Correlation at the best shift. Of the 70,279 pairs that the hash proposes in FER-2013, those above this value are
# copies to the eye. The most similar of 3 x 980 synthetic faces reach 0.897.
MIN_SIMILARITY: Final = 0.93
MAX_SHIFT: Final = 5
_BLOCK: Final = 64  # rows of distances at a time: 16 MB for FER-2013, so that they stay in the cache
_IMAGES_BETWEEN_REPORTS: Final = 250
_HASHING_SHARE: Final = 0.6


def exact_groups(images: npt.NDArray[np.uint8], among: Indices) -> list[Indices]:
    """Return groups of images with the same pixels.

    Args:
        images: (N, 48, 48) uint8.
        among: the images to compare.

    Returns:
        Groups of two or more, each ascending, ordered by their first image.
    """
    return [group for group in _by_pixels(images, among) if len(group) > 1]


def near_groups(images: npt.NDArray[np.uint8], among: Indices, progress: Progress = silent) -> list[Indices]:
    """Return groups of images that show the same photo with other pixels, including exact copies of a member.

    Args:
        images: (N, 48, 48) uint8.
        among: the images to compare, without flat ones.
        progress: called as the work proceeds.

    Returns:
        Groups with at least two different images, each ascending, ordered by their first image. The relation is
        transitive: the first and the last of three images may match only through the second.
    """
    same = _by_pixels(images, among)
    firsts = np.array([group[0] for group in same], np.int64)
    hashes = _hashes(images, firsts, progress)
    rows, columns = _near_pairs(images, firsts, hashes, progress)
    ones = np.ones(len(rows), np.int8)
    graph = coo_array((ones, (rows, columns)), shape=(len(firsts), len(firsts)))
    _, component = connected_components(graph, directed=False)
    members: dict[int, list[int]] = defaultdict(list)
    for place in np.unique(np.concatenate([rows, columns])):
        members[int(component[place])].append(int(place))
    groups = [np.sort(np.concatenate([same[place] for place in places])) for places in members.values()]
    return sorted(groups, key=lambda group: int(group[0]))


def similarity(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """Return the correlation, -1..1, of two images (48, 48) uint8 at their best shift of up to five pixels."""
    inner = one[MAX_SHIFT : SIDE - MAX_SHIFT, MAX_SHIFT : SIDE - MAX_SHIFT]
    return float(cv2.matchTemplate(other, inner, cv2.TM_CCOEFF_NORMED).max())


def _by_pixels(images: npt.NDArray[np.uint8], among: Indices) -> list[Indices]:
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index in among:
        groups[hashlib.sha256(images[index].tobytes()).digest()].append(int(index))
    return [np.array(group, np.int64) for group in groups.values()]


def _hashes(images: npt.NDArray[np.uint8], indices: Indices, progress: Progress) -> npt.NDArray[np.uint64]:
    hashes = np.empty((len(indices), 8), np.uint8)
    for place, index in enumerate(indices):
        if place % _IMAGES_BETWEEN_REPORTS == 0:
            progress(_HASHING_SHARE * place / len(indices), "Looking for copies")
        bits = imagehash.phash(Image.fromarray(np.asarray(images[index]))).hash
        hashes[place] = np.packbits(bits)
    return hashes.view(np.uint64).ravel()


def _near_pairs(
    images: npt.NDArray[np.uint8], firsts: Indices, hashes: npt.NDArray[np.uint64], progress: Progress
) -> tuple[Indices, Indices]:
    """Return the positions in `firsts` of matching pairs, block by block to bound the memory for distances."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(hashes), _BLOCK):
        progress(_HASHING_SHARE + (1 - _HASHING_SHARE) * start / len(hashes), "Comparing copies")
        block = hashes[start : start + _BLOCK]
        distances = np.bitwise_count(block[:, None] ^ hashes[None, start:])
        for row, column in np.argwhere(distances <= MAX_DISTANCE):
            if (
                column > row
                and similarity(images[firsts[start + row]], images[firsts[start + column]]) >= MIN_SIMILARITY
            ):
                found.append((start + int(row), start + int(column)))
    pairs = np.array(found, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
