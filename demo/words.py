"""What the made-up company's names, files and customers are put together from."""

from __future__ import annotations

import re


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`王wang 李li` as pairs of characters and pinyin."""
    split = (re.match(r"([^a-z]+)([a-z]+)$", word) for word in text.split())
    return tuple((found[1], found[2]) for found in split if found)


SURNAMES = pairs(
    "王wang 李li 张zhang 刘liu 陈chen 杨yang 赵zhao 黄huang 周zhou 吴wu 徐xu 孙sun 胡hu 朱zhu 高gao 林lin 何he "
    "郭guo 马ma 罗luo 梁liang 宋song 郑zheng 谢xie 韩han 唐tang 冯feng 于yu 董dong 萧xiao 程cheng 曹cao 袁yuan "
    "邓deng 许xu 傅fu 沈shen 曾zeng 彭peng 吕lv"
)
GIVEN = pairs(
    "伟wei 娜na 敏min 静jing 磊lei 洋yang 艳yan 勇yong 军jun 杰jie 娟juan 涛tao 明ming 超chao 霞xia 平ping 刚gang "
    "桂英guiying 建华jianhua 志强zhiqiang 秀兰xiulan 晓明xiaoming 海燕haiyan 文博wenbo 子涵zihan 雨桐yutong "
    "浩然haoran 思远siyuan 欣怡xinyi 俊杰junjie 佳慧jiahui 天宇tianyu 梦琪mengqi 嘉诚jiacheng 雪梅xuemei 宏伟hongwei"
)
FIRST = words(
    "Anna Ben Carla David Emma Frank Grace Hugo Iris Jack Karen Lucas Maria Nick Olga Paul Rita Sam Tina Victor "
    "Wendy Adrian Bella Chris Diana Eric Fiona George"
)
LAST = words(
    "Adams Baker Clark Davies Evans Fischer Green Hughes Ivanov Jensen Keller Larsen Martin Novak Olsen Parker "
    "Quinn Rossi Schmidt Turner Ullman Vogel Weber Young"
)
DOMAIN = "lanhai.example"
TENANT = "lanhai-example"
PRIVATE_MAIL = ("qq.com", "163.com", "126.com", "foxmail.com", "gmail.com", "outlook.com", "hotmail.com", "sina.com")

DEPARTMENTS: dict[str, tuple[str, float, tuple[str, ...]]] = {
    "sales": ("销售部", 0.27, ("客户经理", "高级客户经理", "销售代表", "区域经理")),
    "success": ("客户成功部", 0.12, ("客户成功经理", "实施顾问")),
    "support": ("技术支持部", 0.14, ("支持工程师", "值班工程师")),
    "marketing": ("市场部", 0.08, ("市场专员", "内容编辑", "活动经理")),
    "finance": ("财务部", 0.06, ("会计", "出纳", "财务分析师")),
    "rnd": ("研发部", 0.2, ("软件工程师", "测试工程师", "产品经理", "架构师")),
    "it": ("信息技术部", 0.04, ("系统管理员", "网络工程师", "桌面支持")),
    "hr": ("人力资源部", 0.035, ("招聘专员", "薪酬专员", "HRBP")),
    "bi": ("数据分析部", 0.025, ("报表分析师", "数据工程师")),
    "office": ("总经办", 0.03, ("总监", "助理", "法务")),
}
"""Key of a department: its name, its share of the people, its titles. The first title of a team is its manager's."""

FOLDERS: dict[str, tuple[str, ...]] = {
    "sales": ("客户资料", "报价", "合同", "销售预测"),
    "success": ("客户资料", "实施方案", "续约", "回访记录"),
    "support": ("工单", "知识库", "客户资料"),
    "marketing": ("活动", "素材", "投放", "客户资料"),
    "finance": ("凭证", "预算", "应收", "税务"),
    "rnd": ("设计", "测试", "需求", "发布"),
    "it": ("运维", "资产", "脚本"),
    "hr": ("招聘", "薪酬", "培训"),
    "bi": ("报表", "数据集", "指标"),
    "office": ("会议", "法务", "制度"),
}
CUSTOMER_FOLDERS = frozenset({"客户资料", "报价", "合同", "续约", "回访记录", "应收"})
EXTENSIONS = ("xlsx", "docx", "pdf", "pptx", "csv", "txt", "png", "zip")
EXTENSION_SHARES = (0.34, 0.22, 0.18, 0.1, 0.06, 0.04, 0.04, 0.02)
CUSTOMER_TOPICS = words("客户名单 报价单 合同 联系人 跟进记录 应收明细 需求调研 续约方案 拜访纪要 价格体系")
TOPICS = words("周报 会议纪要 方案 计划 清单 说明 总结 培训材料 模板 评审记录 照片 流程")

CUSTOMER_FIRST = words("heng xin rui tong hua da jin cheng bo yuan sheng kang zhong lian hong tai yi long fu hai")
CUSTOMER_LAST = words(
    "steel foods logistics pharma textile auto energy retail electronics hotels media chem paper glass"
)
CONTACTS = words("purchase office info wang.lei li.yan zhang.min chen.jun sales liu.yang zhou.ting it finance")

REPORTS = (
    "华东区客户",
    "本季度商机",
    "我的客户与联系人",
    "逾期应收",
    "线索来源分析",
    "Pipeline by owner",
    "Open cases",
    "续约提醒",
    '重点客户 ""A级""',
    "渠道伙伴业绩",
    "活动报名名单",
    "Forecast Q",
)
OBJECTS = ("Account", "Contact", "Opportunity", "Lead", "Case", "Campaign")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Edg/130.0.0.0",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)",
)
