from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.parcels import Milestone, Parcel, Scan, Spacing, Trouble, fold, next_look

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
M = Milestone


def scan(hours: float, milestone: Milestone, trouble: Trouble | None = None, *, in_person: bool = False) -> Scan:
    return Scan(
        "SF1234567890123",
        START + timedelta(hours=hours),
        milestone,
        code=milestone.value,
        text="",
        trouble=trouble,
        in_person=in_person,
    )


scans = st.lists(
    st.builds(
        scan,
        st.integers(0, 12),  # few instants, so that several scans share one
        st.sampled_from(Milestone),
        st.none() | st.sampled_from(Trouble),
        in_person=st.booleans(),
    ),
    max_size=12,
)


@given(scans, st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(scans: list[Scan], random: Random) -> None:
    shuffled = scans * 3
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(scans)


@given(scans)
def test_a_delivery_is_undone_by_a_return_alone(scans: list[Scan]) -> None:
    parcel = fold([scan(-1, M.DELIVERED), *scans])
    assert parcel.milestone in {M.DELIVERED, M.RETURNING, M.RETURNED}
    if not {s.milestone for s in scans} & {M.RETURNING, M.RETURNED}:
        assert (parcel.milestone, parcel.delivered_at) == (M.DELIVERED, START - timedelta(hours=1))


@given(scans)
def test_what_the_fields_promise(scans: list[Scan]) -> None:
    parcel = fold(scans)
    assert (parcel.delivered_at is not None) == (parcel.milestone is M.DELIVERED)
    assert parcel.delivered_at is not None or not parcel.delivered_to_person
    if parcel.picked_up_at is not None:
        assert parcel.last_moved_at is not None
        assert parcel.picked_up_at <= parcel.last_moved_at
    if M.RETURNED in {s.milestone for s in scans}:
        assert parcel.milestone is M.RETURNED


@given(scans)
def test_another_parcels_scans_under_the_same_number_do_not_count(scans: list[Scan]) -> None:
    stranger = [scan(-25 - n, M.DELIVERED, in_person=True) for n in range(3)]
    assert fold([*stranger, *scans], handed_over_at=START) == fold(scans, handed_over_at=START)


def test_a_scan_shortly_before_the_handover_counts() -> None:
    assert fold([scan(-24, M.CREATED)], handed_over_at=START).milestone is M.CREATED


def test_a_quiet_life() -> None:
    life = [
        scan(0, M.CREATED),
        scan(1, M.PICKED_UP),
        scan(2, M.IN_TRANSIT),
        scan(9, M.ARRIVED_CITY),
        scan(10, M.OUT_FOR_DELIVERY),
        scan(11, M.DELIVERED, in_person=True),
    ]
    assert [fold(life[:n]).milestone for n in range(7)] == [M.UNKNOWN, *(s.milestone for s in life)]
    assert fold(life) == Parcel(
        milestone=M.DELIVERED,
        picked_up_at=START + timedelta(hours=1),
        last_moved_at=START + timedelta(hours=11),
        delivered_at=START + timedelta(hours=11),
        delivered_to_person=True,
    )


@pytest.mark.parametrize(("earlier", "later"), list(combinations(list(M)[1:], 2)))
def test_scans_of_one_instant_count_by_rank(earlier: Milestone, later: Milestone) -> None:
    assert fold([scan(1, later), scan(1, earlier)]).milestone is later


def test_a_late_scan_is_kept_as_news_but_moves_nothing_back() -> None:
    parcel = fold([scan(5, M.DELIVERED), scan(6, M.OUT_FOR_DELIVERY)])
    assert (parcel.milestone, parcel.trouble) == (M.DELIVERED, None)
    assert parcel.last_moved_at == START + timedelta(hours=6)


def test_delivered_then_returned_keeps_the_reason() -> None:
    parcel = fold([scan(1, M.EXCEPTION, Trouble.REFUSED), scan(2, M.RETURNING), scan(3, M.IN_TRANSIT)])
    assert (parcel.milestone, parcel.trouble) == (M.RETURNING, Trouble.REFUSED)
    assert fold([scan(1, M.DELIVERED), scan(2, M.RETURNING), scan(3, M.RETURNED)]).milestone is M.RETURNED


def test_a_delivery_on_the_way_back_is_nobodys_signature() -> None:
    parcel = fold([scan(1, M.RETURNING), scan(2, M.DELIVERED, in_person=True)])
    assert (parcel.milestone, parcel.delivered_to_person) == (M.DELIVERED, False)


def test_signed_for_after_the_locker() -> None:
    locker = scan(1, M.DELIVERED)
    assert not fold([locker]).delivered_to_person
    collected = fold([locker, scan(3, M.DELIVERED, in_person=True)])
    assert (collected.delivered_to_person, collected.delivered_at) == (True, locker.at)


def test_trouble_passes_when_the_parcel_moves_on() -> None:
    held = [scan(1, M.PICKED_UP), scan(2, M.EXCEPTION, Trouble.HELD)]
    assert fold(held).trouble is Trouble.HELD
    assert fold([*held, scan(3, M.IN_TRANSIT)]).trouble is None


@pytest.mark.parametrize("trouble", [Trouble.STALLED, Trouble.DELAYED])
def test_a_clocks_complaint_is_no_movement(trouble: Trouble) -> None:
    parcel = fold([scan(1, M.PICKED_UP), scan(99, M.EXCEPTION, trouble)])
    assert (parcel.milestone, parcel.trouble) == (M.EXCEPTION, trouble)
    assert parcel.last_moved_at == START + timedelta(hours=1)


def test_an_unknown_code_moves_the_clock_and_nothing_else() -> None:
    parcel = fold([scan(1, M.IN_TRANSIT), scan(2, M.UNKNOWN)])
    assert (parcel.milestone, parcel.last_moved_at) == (M.IN_TRANSIT, START + timedelta(hours=2))
    assert fold([scan(1, M.UNKNOWN)]).picked_up_at is None


def test_the_key_knows_an_instant_in_any_zone_and_forgets_the_place() -> None:
    one = scan(0, M.IN_TRANSIT)
    shanghai = timezone(timedelta(hours=8))
    again = Scan(one.waybill, one.at.astimezone(shanghai), one.milestone, one.code, one.text, place="广州")
    assert again.key == one.key
    assert scan(1, M.IN_TRANSIT).key != one.key


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Scan("SF1", datetime(2026, 1, 1), M.CREATED, "101", "")  # noqa: DTZ001


HOUR = timedelta(hours=1)
SPACING = Spacing(minimum=HOUR / 2, near=HOUR, far=8 * HOUR, window=12 * HOUR, late=72 * HOUR)


@pytest.mark.parametrize(
    ("expected_in", "look_in"),
    [(None, 8), (100, 8), (16, 4), (12.5, 1), (12, 1), (0, 1), (-12, 1), (-13, 8)],
)
def test_looks_crowd_around_the_expected_arrival(expected_in: float | None, look_in: float) -> None:
    expected = None if expected_in is None else START + expected_in * HOUR
    assert next_look(fold([scan(0, M.IN_TRANSIT)]), START, expected, SPACING) == START + look_in * HOUR


def test_out_for_delivery_is_near() -> None:
    parcel = fold([scan(0, M.OUT_FOR_DELIVERY)])
    assert next_look(parcel, START, START + 100 * HOUR, SPACING) == START + HOUR


def test_one_late_look_after_delivery_then_none() -> None:
    parcel = fold([scan(0, M.DELIVERED)])
    late = next_look(parcel, START + HOUR, None, SPACING)
    assert late == START + 72 * HOUR
    assert next_look(parcel, late, None, SPACING) is None


@pytest.mark.parametrize("milestone", [M.RETURNED, M.CANCELLED])
def test_nothing_more_to_learn(milestone: Milestone) -> None:
    assert next_look(fold([scan(0, milestone)]), START, None, SPACING) is None


spans = st.timedeltas(timedelta(), timedelta(days=5))


@given(scans, spans, st.none() | spans, st.builds(Spacing, spans, spans, spans, spans, spans))
def test_the_carriers_limit_is_kept_and_looking_ends_only_at_an_end(
    scans: list[Scan], asked_after: timedelta, expected_in: timedelta | None, spacing: Spacing
) -> None:
    parcel, now = fold(scans), START + asked_after
    look = next_look(parcel, now, None if expected_in is None else START + expected_in, spacing)
    if look is None:
        assert parcel.ended
    else:
        assert look >= now + spacing.minimum
